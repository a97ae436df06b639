import { createHmac, timingSafeEqual } from 'node:crypto';

// Standard Webhooks, symmetric signatures (v1): https://www.standardwebhooks.com

const prefix = 'whsec_';
const defaultToleranceS = 300;

/**
 * Returns whether the headers sign this body under the `whsec_…` secret; compares in constant time. `nowS` is in seconds; a
 * timestamp more than `toleranceS` away is refused, against replays.
 */
export function verify(
  secret: string,
  headers: { readonly id: string; readonly timestamp: string; readonly signature: string },
  body: Uint8Array,
  nowS: number,
  toleranceS = defaultToleranceS,
): boolean {
  if (!secret.startsWith(prefix)) throw new Error(`Invalid secret: it must start with ${prefix}.`);
  const timestamp = Number(headers.timestamp);
  if (!Number.isSafeInteger(timestamp) || Math.abs(nowS - timestamp) > toleranceS) return false;
  const digest = createHmac('sha256', Buffer.from(secret.slice(prefix.length), 'base64'))
    .update(`${headers.id}.${timestamp}.`)
    .update(body)
    .digest('base64');
  const wanted = Buffer.from(`v1,${digest}`);
  return headers.signature.split(' ').some((signature) => {
    const got = Buffer.from(signature);
    return got.length === wanted.length && timingSafeEqual(got, wanted);
  });
}
