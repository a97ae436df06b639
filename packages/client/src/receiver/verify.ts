import { systemRuntime } from '../runtime/system.ts';
import { WebhookVerificationError } from './errors.ts';
import { readHead, type WebhookHead, type WebhookHeaders } from './headers.ts';
import { checksFrom } from './keys.ts';

// Standard Webhooks, symmetric (v1) and asymmetric (v1a) signatures: https://www.standardwebhooks.com

/** The body of a webhook. */
export interface WebhookEvent<Data = unknown> {
  /** The same in every attempt and after a replay: process each id once. */
  readonly id: string;
  readonly type: string;
  /** When the event was accepted, in ISO 8601. */
  readonly timestamp: string;
  readonly data: Data;
}

export interface VerifyOptions {
  /** How far the timestamp may be from now, because of clocks and transit. Default 300 s. */
  readonly toleranceS?: number;
  /** Default: the clock of this machine. A number is in milliseconds since the epoch. */
  readonly now?: Date | number;
}

const defaultToleranceS = 300;

/**
 * Returns the event in a webhook after checking its signature and its timestamp; throws `WebhookVerificationError`, and nothing else,
 * whatever it is given. `body` is the request's body as it arrived, before any parsing. A secret is `whsec_…`, which the sender signs
 * with too (`v1`), or its public key, `whpk_…` (`v1a`). Several: one of them must have signed it.
 */
export function verifyWebhook<Event = WebhookEvent>(
  secret: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array | ArrayBuffer,
  options: VerifyOptions = {},
): Event {
  const raw = toRaw(body);
  const checks = checksFrom(secret);
  const head = readHead(headers);
  checkTimestamp(head, options);
  checkSignature(checks, head, raw);
  return parseBody(raw) as Event;
}

export function checkTimestamp(head: WebhookHead, options: VerifyOptions | null): void {
  const toleranceS = numberFrom('toleranceS', options?.toleranceS ?? defaultToleranceS);
  const nowS = numberFrom('now', options?.now ?? systemRuntime.now()) / 1000;
  const aheadS = Number(head.timestamp) - nowS;
  if (aheadS < -toleranceS)
    throw new WebhookVerificationError(
      'timestamp_too_old',
      `The webhook was sent more than ${toleranceS} s ago`,
    );
  if (aheadS > toleranceS)
    throw new WebhookVerificationError(
      'timestamp_too_new',
      `The webhook was sent more than ${toleranceS} s ahead of this machine's clock`,
    );
}

export function checkSignature(
  checks: ReturnType<typeof checksFrom>,
  { id, timestamp, signatures }: WebhookHead,
  raw: string | Uint8Array,
): void {
  if (!checks.some((check) => check(`${id}.${timestamp}.`, raw, signatures)))
    throw new WebhookVerificationError(
      'signature_invalid',
      'No signature matches: the secret differs, or the body is not the one that was sent',
    );
}

/** Returns the body as text or bytes; throws `body_not_raw` for what has been parsed. */
export function toRaw(body: unknown): string | Uint8Array {
  try {
    if (typeof body === 'string') return body;
    if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    const tag = Object.prototype.toString.call(body);
    if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]')
      return new Uint8Array(body as ArrayBuffer);
  } catch {
    // A buffer whose memory went elsewhere, or an object that only looks like one.
  }
  throw new WebhookVerificationError(
    'body_not_raw',
    'Verify the body as it arrived, as text or bytes: a parsed body cannot be verified',
  );
}

export function parseBody(raw: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof raw === 'string' ? raw : new TextDecoder().decode(raw));
  } catch {
    throw new WebhookVerificationError('invalid_body', 'The body is signed, but is not JSON');
  }
}

/** Not a number would compare as within every tolerance. */
function numberFrom(name: string, value: unknown): number {
  const number = value instanceof Date || typeof value === 'number' ? Number(value) : Number.NaN;
  if (!Number.isFinite(number))
    throw new WebhookVerificationError('invalid_options', `The option ${name} is not a number`);
  return number;
}
