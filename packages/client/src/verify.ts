import type * as Crypto from 'node:crypto';
import { systemRuntime } from './runtime/system.ts';

// Standard Webhooks, symmetric (v1) and asymmetric (v1a) signatures: https://www.standardwebhooks.com

export type WebhookVerificationFailure =
  /** The secret is not `whsec_` and base64, or the public key not `whpk_` and base64: the receiver's own settings are wrong. */
  | 'invalid_secret'
  /** The body was already parsed: verify the bytes that arrived. */
  | 'body_not_raw'
  | 'missing_header'
  | 'invalid_timestamp'
  /** Sent longer ago than the tolerance: possibly a replay attack. */
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  /** No signature matches this body under one of the secrets or public keys. */
  | 'no_matching_signature'
  /** Signed, but not JSON. */
  | 'invalid_body';

/** The request is not a webhook signed with the secret, or is too old or too new: answer it with 4xx, and do nothing else. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: WebhookVerificationFailure;
  constructor(code: WebhookVerificationFailure, message: string) {
    super(message);
    this.code = code;
  }
}

/** The body of a webhook. */
export interface WebhookEvent<Data = unknown> {
  /** The same in every attempt and after a replay: process each id once. */
  readonly id: string;
  readonly type: string;
  /** When the event was accepted, in ISO 8601. */
  readonly timestamp: string;
  readonly data: Data;
}

/** Request headers as `fetch`, Node or a framework has them. Names may be in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyOptions {
  /** How far the timestamp may be from now, because of clocks and transit. Default 300 s. */
  readonly toleranceS?: number;
  /** Default: the clock of this machine. A number is in milliseconds since the epoch. */
  readonly now?: Date | number;
}

const defaultToleranceS = 300;
const publicPrefix = 'whpk_';
const ed25519Bytes = 32;
/** Maximum signatures that are checked per request: each asymmetric one costs a tenth of a millisecond. */
const maxSignatures = 64;

/**
 * Returns the event in a webhook after checking its signature and its timestamp; throws `WebhookVerificationError`.
 * `body` is the request's body as it arrived, before any parsing. A secret is `whsec_…`, which the sender signs with
 * too (`v1`), or its public key, `whpk_…` (`v1a`). Several: one of them must have signed it.
 */
export function verifyWebhook<Event = WebhookEvent>(
  secret: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array | ArrayBuffer,
  { toleranceS = defaultToleranceS, now = systemRuntime.now() }: VerifyOptions = {},
): Event {
  const checks = (typeof secret === 'string' ? [secret] : secret).map(checkFrom);
  const raw = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
  if (typeof raw !== 'string' && !(raw instanceof Uint8Array))
    throw new WebhookVerificationError(
      'body_not_raw',
      'Verify the body as it arrived, as text or bytes: a parsed body cannot be verified',
    );
  const id = headerOf(headers, 'webhook-id');
  const timestamp = headerOf(headers, 'webhook-timestamp');
  const signatures = headerOf(headers, 'webhook-signature').split(' ', maxSignatures);
  checkTimestamp(timestamp, Number(now) / 1000, toleranceS);
  const isSigned = checks.some((check) => check(`${id}.${timestamp}.`, raw, signatures));
  if (!isSigned)
    throw new WebhookVerificationError(
      'no_matching_signature',
      'No signature matches: the secret differs, or the body is not the one that was sent',
    );
  try {
    return JSON.parse(typeof raw === 'string' ? raw : new TextDecoder().decode(raw)) as Event;
  } catch {
    throw new WebhookVerificationError('invalid_body', 'The body is signed, but is not JSON');
  }
}

/** Whether one of these signatures matches this content. */
type Check = (head: string, body: string | Uint8Array, signatures: readonly string[]) => boolean;

function checkFrom(secret: string): Check {
  return typeof secret === 'string' && secret.startsWith(publicPrefix)
    ? asymmetric(secret.slice(publicPrefix.length))
    : symmetric(secret);
}

function symmetric(secret: string): Check {
  // A receiver may have stored the secret without its prefix.
  const key = typeof secret === 'string' ? fromBase64(secret.replace(/^whsec_/, '')) : null;
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

function headerOf(headers: WebhookHeaders, name: string): string {
  const value =
    typeof headers.get === 'function'
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  const text = Array.isArray(value) ? value.join(' ') : value;
  if (typeof text !== 'string' || text === '')
    throw new WebhookVerificationError('missing_header', `The header ${name} is missing`);
  return text;
}

function checkTimestamp(timestamp: string, nowS: number, toleranceS: number): void {
  if (!/^\d{1,12}$/.test(timestamp))
    throw new WebhookVerificationError('invalid_timestamp', 'The header webhook-timestamp is not a number');
  const aheadS = Number(timestamp) - nowS;
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

/** Loaded when it is first used, so that the rest of the package runs without Node. */
function nodeCrypto(): typeof Crypto {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto');
  if (crypto === undefined)
    throw new Error(
      'verifyWebhook needs node:crypto: Node 20.16, Bun, Deno, or Cloudflare with nodejs_compat',
    );
  return crypto;
}
