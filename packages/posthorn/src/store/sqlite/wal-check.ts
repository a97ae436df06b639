import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

// The format is SQLite's: https://sqlite.org/fileformat2.html#the_write_ahead_log
const headerBytes = 32;
const frameHeaderBytes = 24;
const magics: ReadonlyMap<number, boolean> = new Map([
  [0x377f0682, true],
  [0x377f0683, false],
]);

interface Sum {
  readonly a: number;
  readonly b: number;
}

/** SQLite's running checksum over pairs of 32-bit words. */
function sumOf(bytes: Buffer, from: number, to: number, little: boolean, seed: Sum): Sum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let { a, b } = seed;
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, little) + b) >>> 0;
    b = (b + view.getUint32(at + 4, little) + a) >>> 0;
  }
  return { a, b };
}

const equal = (one: Sum, other: Sum): boolean => one.a === other.a && one.b === other.b;
const sumAt = (bytes: Buffer, at: number): Sum => ({
  a: bytes.readUInt32BE(at),
  b: bytes.readUInt32BE(at + 4),
});

function readAt(file: number, bytes: Buffer, position: number): boolean {
  return readSync(file, bytes, 0, bytes.length, position) === bytes.length;
}

function damageIn(file: number, size: number): string | null {
  const header = Buffer.alloc(headerBytes);
  if (size < headerBytes + frameHeaderBytes || !readAt(file, header, 0)) return null;
  const little = magics.get(header.readUInt32BE(0));
  const zero: Sum = { a: 0, b: 0 };
  const seed = little === undefined ? zero : sumOf(header, 0, 24, little, zero);
  if (little === undefined || !equal(seed, sumAt(header, 24)))
    return 'its header does not match its checksum, so none of its commits can be read';
  const frame = Buffer.alloc(frameHeaderBytes + header.readUInt32BE(8));
  let last = seed;
  let bad: number | null = null;
  let commitsAfter = 0;
  const frames = Math.floor((size - headerBytes) / frame.length);
  for (let n = 0; n < frames; n++) {
    if (!readAt(file, frame, headerBytes + n * frame.length)) break;
    const sum = sumOf(frame, frameHeaderBytes, frame.length, little, sumOf(frame, 0, 8, little, last));
    last = sumAt(frame, 16);
    // The salts of an earlier round: what follows is what that round has left behind.
    const current = frame.subarray(8, 16).equals(header.subarray(16, 24));
    if (!current || !equal(sum, last)) bad ??= n;
    else if (bad !== null && frame.readUInt32BE(4) !== 0) commitsAfter++;
    // One commit behind it may be the one that a power failure tore. Two cannot: each is on the disk before the next begins.
    if (commitsAfter === 2) return `frame ${bad} does not match its checksum, and later commits depend on it`;
  }
  return null;
}

/**
 * What is wrong with a write-ahead log, or null. SQLite reads such a log up to the first frame whose checksum is wrong and
 * takes that for the end, so one flipped bit silently loses every commit behind it.
 */
export function walDamage(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(file);
    const before = Buffer.alloc(headerBytes);
    readSync(file, before, 0, headerBytes, 0);
    const found = damageIn(file, size);
    // A running process may have begun a new round meanwhile: then what was read was two logs.
    const after = Buffer.alloc(headerBytes);
    readSync(file, after, 0, headerBytes, 0);
    return before.equals(after) ? found : null;
  } finally {
    closeSync(file);
  }
}
