const rotate = (word: number, by: number): number => ((word << by) | (word >>> (32 - by))) >>> 0;

function quarterRound(s: Uint32Array, a: number, b: number, c: number, d: number): void {
  const step = (x: number, y: number, z: number, by: number): void => {
    s[x] = s[x]! + s[y]!;
    s[z] = rotate(s[z]! ^ s[x]!, by);
  };
  step(a, b, d, 16);
  step(c, d, b, 12);
  step(a, b, d, 8);
  step(c, d, b, 7);
}

/** The key that XChaCha20 uses for a nonce of 24 bytes, from its first 16: draft-irtf-cfrg-xchacha, section 2.2. */
export function hchacha20(key: Uint8Array, nonce: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from('expand 32-byte k'), key, nonce.subarray(0, 16)]);
  const s = Uint32Array.from({ length: 16 }, (_, word) => input.readUInt32LE(word * 4));
  for (let round = 0; round < 10; round++) {
    for (let column = 0; column < 4; column++) quarterRound(s, column, column + 4, column + 8, column + 12);
    quarterRound(s, 0, 5, 10, 15);
    quarterRound(s, 1, 6, 11, 12);
    quarterRound(s, 2, 7, 8, 13);
    quarterRound(s, 3, 4, 9, 14);
  }
  const output = Buffer.alloc(32);
  for (const [at, word] of [0, 1, 2, 3, 12, 13, 14, 15].entries()) output.writeUInt32LE(s[word]!, at * 4);
  return output;
}
