import type * as Crypto from 'node:crypto';
import { WebhookVerificationError } from './errors.ts';

const publicPrefix = 'whpk_';
const ed25519Bytes = 32;
/** Secrets and public keys of one receiver: each costs a signature per request that is not genuine. */
const maxKeys = 64;

/** Whether one of these signatures matches this content. */
export type Check = (head: string, body: string | Uint8Array, signatures: readonly string[]) => boolean;

/** Returns a check for each key; throws `invalid_secret` or `unknown_key`. */
export function checksFrom(keys: unknown): readonly Check[] {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : [keys];
  if (list.length === 0)
    throw new WebhookVerificationError('unknown_key', 'No secret or public key is known for this webhook');
  if (list.length > maxKeys)
    throw new WebhookVerificationError('invalid_secret', `At most ${maxKeys} secrets and public keys`);
  return list.map(checkFrom);
}

function checkFrom(key: unknown): Check {
  if (typeof key !== 'string')
    throw new WebhookVerificationError('invalid_secret', 'The secret is not set: it is not a string');
  return key.startsWith(publicPrefix) ? asymmetric(key.slice(publicPrefix.length)) : symmetric(key);
}

function symmetric(secret: string): Check {
  // A receiver may have stored the secret without its prefix.
  const key = fromBase64(secret.replace(/^whsec_/, ''));
  if (key === null)
    throw new WebhookVerificationError('invalid_secret', 'A secret must be whsec_ followed by base64');
  return (head, body, signatures) => {
    const { createHmac, timingSafeEqual } = nodeCrypto();
    const bytes = new TextEncoder();
    const own = bytes.encode(`v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`);
    // Every signature is compared, so that the time does not reveal which one matched.
    return (
      signatures.filter((signature) => {
        const got = bytes.encode(signature);
        return got.length === own.length && timingSafeEqual(got, own);
      }).length > 0
    );
  };
}

function asymmetric(text: string): Check {
  const key = fromBase64(text);
  if (key?.length !== ed25519Bytes)
    throw new WebhookVerificationError(
      'invalid_secret',
      'A public key must be whpk_ followed by base64 of 32 bytes',
    );
  return (head, body, signatures) => {
    const { createPublicKey, verify } = nodeCrypto();
    const x = btoa(String.fromCharCode(...key))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace('=', '');
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const bytes = new TextEncoder();
    const [first, second] = [bytes.encode(head), typeof body === 'string' ? bytes.encode(body) : body];
    const content = new Uint8Array(first.length + second.length);
    content.set(first);
    content.set(second, first.length);
    return signatures.some((signature) => {
      const given = signature.startsWith('v1a,') ? fromBase64(signature.slice('v1a,'.length)) : null;
      return given !== null && verify(null, content, publicKey, given);
    });
  };
}

/** Null if it is empty or not base64. */
function fromBase64(text: string): Uint8Array | null {
  try {
    return text === '' ? null : Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Loaded when it is first used, so that the rest of the package runs without Node. */
function nodeCrypto(): typeof Crypto {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (crypto === undefined)
    throw new WebhookVerificationError(
      'invalid_options',
      'Verification needs node:crypto: Node 20.16, Bun, Deno, or Cloudflare with nodejs_compat',
    );
  return crypto;
}
