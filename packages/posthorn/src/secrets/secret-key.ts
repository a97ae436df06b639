import { createHash, createSecretKey, type KeyObject } from 'node:crypto';

/** A key that seals secrets, and its id in sealed texts. */
export interface SecretKey {
  readonly id: string;
  readonly key: KeyObject;
}

const prefix = 'phsk_';
const keyBytes = 32;
/** 32 random bytes have 30 different values; random bytes practically never have fewer than this. */
const minDistinct = 16;
const maxKeys = 16;

/** A key as written in `POSTHORN_SECRET_KEY` or a key file. */
export function newSecretKey(random: { bytes(n: number): Uint8Array }): string {
  return prefix + Buffer.from(random.bytes(keyBytes)).toString('base64url');
}

function bytesFrom(text: string): Buffer | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  const body = text.startsWith(prefix) ? text.slice(prefix.length) : text;
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(body)) return null;
  const bytes = Buffer.from(body, 'base64');
  return bytes.length === keyBytes ? bytes : null;
}

/** Why these bytes are not a random key; null if they look random. Never shows them. */
function weakness(bytes: Buffer): string | null {
  const steps = new Set(bytes.subarray(1).map((byte, at) => (byte - bytes[at]! + 256) % 256));
  if (steps.size === 1 || new Set(bytes).size < minDistinct) return 'repeats itself';
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'is text, not random bytes';
  return null;
}

const howToMake = 'generate one with `posthorn secrets generate` or `openssl rand -base64 32`';

/**
 * Parses the keys in a text, separated by commas or line breaks, the newest first; lines that begin with `#` are
 * comments. If one is invalid, returns a sentence that contains none of the text.
 */
export function secretKeysFrom(text: string): readonly SecretKey[] | string {
  const parts = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) return `contains no key: ${howToMake}`;
  if (parts.length > maxKeys)
    return `contains more than ${maxKeys} keys: remove those that seal nothing any more`;
  const keys: SecretKey[] = [];
  for (const [at, part] of parts.entries()) {
    const which = parts.length === 1 ? 'the key' : `key ${at + 1}`;
    const bytes = bytesFrom(part);
    if (bytes === null) return `${which} is not 32 bytes in base64 or hexadecimal: ${howToMake}`;
    const weak = weakness(bytes);
    if (weak !== null) return `${which} ${weak}: ${howToMake}`;
    const id = createHash('sha256').update('posthorn secret key\n').update(bytes).digest('hex').slice(0, 8);
    if (!keys.some((other) => other.id === id)) keys.push({ id, key: createSecretKey(bytes) });
  }
  return keys;
}
