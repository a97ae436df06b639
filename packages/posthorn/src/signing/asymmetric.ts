import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

// Standard Webhooks, asymmetric signatures (v1a): Ed25519 over the same content that v1 signs.

const privatePrefix = 'whsk_';
const publicPrefix = 'whpk_';
const keyBytes = 32;
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 and in SPKI. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const spki = Buffer.from('302a300506032b6570032100', 'hex');

export interface KeyPair {
  /** `whsk_` and base64 of the seed and the public key behind it. */
  readonly privateKey: string;
  /** `whpk_` and base64 of the 32 bytes. */
  readonly publicKey: string;
}

const toPrivateKey = (seed: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });

/** A fresh key pair. */
export function newKeyPair(random: { bytes(n: number): Uint8Array }): KeyPair {
  const seed = random.bytes(keyBytes);
  const key = createPublicKey(toPrivateKey(seed))
    .export({ format: 'der', type: 'spki' })
    .subarray(spki.length);
  return {
    privateKey: privatePrefix + Buffer.concat([seed, key]).toString('base64'),
    publicKey: publicPrefix + key.toString('base64'),
  };
}

/** The key that signs, prepared once; throws if the text is not one. */
export function parsePrivateKey(text: string): KeyObject {
  const bytes = Buffer.from(text.slice(privatePrefix.length), 'base64');
  if (!text.startsWith(privatePrefix) || bytes.length !== 2 * keyBytes)
    throw new Error('a private key is whsk_ followed by base64 of 64 bytes');
  return toPrivateKey(bytes.subarray(0, keyBytes));
}

/** One `v1a,…` for each key, separated by spaces. */
export function signAsymmetrically(
  keys: readonly KeyObject[],
  id: string,
  timestampS: number,
  body: Uint8Array,
): string {
  const content = Buffer.concat([Buffer.from(`${id}.${timestampS}.`), body]);
  return keys.map((key) => `v1a,${sign(null, content, key).toString('base64')}`).join(' ');
}
