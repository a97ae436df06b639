/**
 * Recognizes JSON byte by byte and makes nothing of it, which takes a payment event a fifth of the time of JSON.parse and
 * leaves no garbage. Each function returns the index after what it recognized, or -1 if this is not JSON or has more levels
 * than it may have: JSON.parse then decides, and says what is wrong.
 */

export const quote = 34;
export const comma = 44;
export const colon = 58;
export const openBracket = 91;
export const closeBracket = 93;
export const openBrace = 123;
export const closeBrace = 125;
const backslash = 92;
const minus = 45;
const point = 46;
const zero = 48;
const letterU = 117;

/** 1 for bytes that a string may contain as they are. */
const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 32 || byte === quote || byte === backslash ? 0 : 1,
);
/** 1 for what may follow a backslash, besides `u`. */
const escaped = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
const words = ['true', 'false', 'null'].map((word) => [...Buffer.from(word)]);

// Beyond the end of the bytes is `undefined`, which equals nothing below.

export function skipSpace(bytes: Uint8Array, at: number): number {
  let byte = bytes[at];
  while (byte === 32 || byte === 10 || byte === 13 || byte === 9) byte = bytes[++at];
  return at;
}

/** A string without escapes. */
export function skipPlainString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== quote) return -1;
  do at++;
  while (plain[bytes[at]!] === 1);
  return bytes[at] === quote ? at + 1 : -1;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 32;
  return (byte >= zero && byte <= 57) || (lower >= 97 && lower <= 102);
}

function skipString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== quote) return -1;
  for (;;) {
    do at++;
    while (plain[bytes[at]!] === 1);
    if (bytes[at] === quote) return at + 1;
    if (bytes[at] !== backslash) return -1;
    if (bytes[++at] === letterU) {
      for (let digit = 0; digit < 4; digit++) if (!isHex(bytes[++at])) return -1;
    } else if (escaped[bytes[at]!] !== 1) return -1;
  }
}

function skipDigits(bytes: Uint8Array, at: number): number {
  const from = at;
  while (bytes[at]! >= zero && bytes[at]! <= 57) at++;
  return at === from ? -1 : at;
}

function skipNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === minus) at++;
  at = bytes[at] === zero ? at + 1 : skipDigits(bytes, at);
  if (at >= 0 && bytes[at] === point) at = skipDigits(bytes, at + 1);
  if (at < 0 || (bytes[at]! | 32) !== 101) return at;
  at++;
  if (bytes[at] === minus || bytes[at] === 43) at++;
  return skipDigits(bytes, at);
}

function skipWord(bytes: Uint8Array, at: number): number {
  for (const word of words)
    if (word.every((byte, index) => bytes[at + index] === byte)) return at + word.length;
  return -1;
}

/** After the colon behind a name. */
export function skipColon(bytes: Uint8Array, at: number): number {
  at = skipSpace(bytes, at);
  return bytes[at] === colon ? skipSpace(bytes, at + 1) : -1;
}

/** A value in which brackets are nested at most this deep. */
export function skipValue(bytes: Uint8Array, at: number, levels: number): number {
  const first = bytes[at];
  if (first === quote) return skipString(bytes, at);
  if (first === openBrace || first === openBracket)
    return levels === 0 ? -1 : skipMembers(bytes, at, first === openBrace, levels - 1);
  if (first === minus || (first! >= zero && first! <= 57)) return skipNumber(bytes, at);
  return skipWord(bytes, at);
}

/** The object or array that begins here. */
function skipMembers(bytes: Uint8Array, at: number, isObject: boolean, levels: number): number {
  const close = isObject ? closeBrace : closeBracket;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    if (isObject) {
      at = skipString(bytes, at);
      if (at >= 0) at = skipColon(bytes, at);
      if (at < 0) return -1;
    }
    at = skipValue(bytes, at, levels);
    if (at < 0) return -1;
    at = skipSpace(bytes, at);
    if (bytes[at] === close) return at + 1;
    if (bytes[at] !== comma) return -1;
    at = skipSpace(bytes, at + 1);
  }
}
