import type { ApiError } from './errors.ts';

// What may be sent again, and when.

/** The first wait; each further one is twice as long. */
const firstWaitMs = 250;
/** The longest wait: if the server asks for more, the caller gets the error, which says when to try again. */
const maxWaitMs = 20_000;

/** Statuses of a server, or of a proxy in front of it, that may be temporary. */
const temporary = new Set([429, 502, 503, 504]);
/** Failures without a complete answer. */
const connectionFailures = new Set(['unreachable', 'timeout', 'cut']);

/** A request with an idempotency key has one effect, however often it arrives; so do these without one. */
const isIdempotent = (method: string): boolean => method === 'GET' || method === 'PUT' || method === 'DELETE';

/**
 * Returns how long to wait before the next try, or null: it failed for good. `tries` is how many there were; `chance`
 * is from 0 to 1, and keeps callers that failed together from retrying together.
 */
export function waitBeforeRetry(
  { status, code, retryAfterS }: ApiError,
  { method, hasKey, tries, maxTries }: { method: string; hasKey: boolean; tries: number; maxTries: number },
  chance: number,
): number | null {
  if (tries >= maxTries || !(hasKey || isIdempotent(method))) return null;
  const isTemporary =
    temporary.has(status) ||
    (status === 0 && connectionFailures.has(code)) ||
    (status === 409 && code === 'idempotency_in_progress');
  if (!isTemporary) return null;
  const backoff = Math.min(maxWaitMs, firstWaitMs * 2 ** (tries - 1)) * (0.5 + chance / 2);
  const asked = (retryAfterS ?? 0) * 1000;
  if (asked > maxWaitMs) return null;
  return asked === 0 ? backoff : asked + (backoff * chance) / 2;
}

/** The seconds in a header `Retry-After`: a number, or a date in one of the three forms of HTTP. */
export function retryAfterS(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  // Date.parse accepts almost anything as a date: an HTTP date begins with its day, and is UTC even if it does not say so.
  if (!/^[A-Z][a-z]{2}/.test(text)) return null;
  const at = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}
