import { createHmac } from 'node:crypto';

// Standard Webhooks, symmetric signatures (v1): https://www.standardwebhooks.com

const prefix = 'whsec_';
const shortest = 24;
/** The specification says 64; secrets that come with receivers of other senders have up to 75. */
const longest = 75;

/** A fresh secret: `whsec_` and 32 random bytes in base64. */
export function newSecret(random: { bytes(n: number): Uint8Array }): string {
  return prefix + Buffer.from(random.bytes(32)).toString('base64');
}

/** The key in a `whsec_…` secret; throws where it is not base64 of 24 to 75 bytes. */
export function parseSecret(secret: string): Uint8Array {
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : null;
  const key = Buffer.from(text ?? '', 'base64');
  if (text === null || key.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
    throw new Error('a secret is whsec_ followed by base64');
  }
  if (key.length < shortest || key.length > longest) throw new Error('a secret has 24 to 75 bytes');
  return key;
}

/** The `webhook-signature` header: one `v1,…` for each key, separated by spaces. */
export function sign(keys: readonly Uint8Array[], id: string, timestampS: number, body: Uint8Array): string {
  const head = `${id}.${timestampS}.`;
  let header = '';
  for (const key of keys) {
    const signature = createHmac('sha256', key).update(head).update(body).digest('base64');
    header += header === '' ? `v1,${signature}` : ` v1,${signature}`;
  }
  return header;
}
