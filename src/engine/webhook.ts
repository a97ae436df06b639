import type { Endpoint } from '../domain/endpoint.ts';
import { deliveryId } from '../domain/ids.ts';
import type { Random } from '../runtime/random.ts';
import { parseSecret, sign } from '../signing/standard-webhooks.ts';
import type { ClaimedDelivery } from '../store/store.ts';
import type { OutboundRequest } from '../transport/transport.ts';

/** What of an endpoint's settings every request needs, worked out once per change. */
export interface Signer {
  keysAt(now: number): readonly Uint8Array[];
  readonly extraHeaders: readonly string[];
}

export function signerOf(endpoint: Endpoint): Signer {
  const secrets = endpoint.secrets.map(({ secret, expiresAt }) => ({ key: parseSecret(secret), expiresAt }));
  const lasting = secrets.every(({ expiresAt }) => expiresAt === null);
  const all = secrets.map(({ key }) => key);
  return {
    // During a rotation's grace time both secrets sign.
    keysAt: (now) =>
      lasting ? all : secrets.filter((s) => s.expiresAt === null || s.expiresAt > now).map((s) => s.key),
    extraHeaders: Object.entries(endpoint.headers).flat(),
  };
}

/** Trace ids in hexadecimal, cut from large draws: drawing 24 bytes at a time is slow. */
export function traceparents(random: Random): () => string {
  let hex = '';
  let at = 0;
  return () => {
    if (at + 48 > hex.length) {
      hex = Buffer.from(random.bytes(4800)).toString('hex');
      at = 0;
    }
    const id = `00-${hex.slice(at, at + 32)}-${hex.slice(at + 32, at + 48)}-01`;
    at += 48;
    return id;
  };
}

/** The webhook: a Standard Webhooks request whose body is the same, byte for byte, in every attempt. */
export function webhookRequest(
  delivery: ClaimedDelivery,
  endpoint: Endpoint,
  signer: Signer,
  now: number,
  traceparent: string,
  userAgent: string,
): OutboundRequest {
  const { eventId, eventType, occurredAt, data } = delivery;
  const body = Buffer.from(
    endpoint.envelope === 'none'
      ? data
      : `{"id":${JSON.stringify(eventId)},"type":"${eventType}","timestamp":"${new Date(occurredAt).toISOString()}","data":${data}}`,
  );
  const seconds = Math.floor(now / 1000);
  // A header carries Latin-1 at most; an id beyond ASCII is percent-encoded there, and signed as sent.
  // oxlint-disable-next-line no-control-regex
  const id = /^[\x21-\x7e]*$/.test(eventId) ? eventId : encodeURIComponent(eventId);
  return {
    url: endpoint.url,
    headers: [
      'content-type',
      'application/json',
      'user-agent',
      userAgent,
      'webhook-id',
      id,
      'webhook-timestamp',
      String(seconds),
      'webhook-signature',
      sign(signer.keysAt(now), id, seconds, body),
      'posthorn-delivery',
      deliveryId(delivery.number),
      'posthorn-attempt',
      String(delivery.claim),
      'traceparent',
      traceparent,
      ...signer.extraHeaders,
    ],
    body,
    timeoutMs: endpoint.timeoutMs,
  };
}
