import type { ApiError } from './errors.ts';

// What may be sent again, and when.

/** The first wait; each further one is twice as long. */
const firstWaitMs = 250;
/** Nothing is waited for longer: who asks for more patience gets the error, which says when to try again. */
const maxWaitMs = 20_000;

/** Statuses of a server, or of a proxy in front of it, that may do it soon. */
const temporary = new Set([429, 502, 503, 504]);
/** Failures in which no answer, or not the whole of it, arrived. */
const connectionFailures = new Set(['unreachable', 'timeout', 'cut']);

/** A request that has an idempotency key has one effect, however often it arrives; so do these without one. */
const isIdempotent = (method: string): boolean => method === 'GET' || method === 'PUT' || method === 'DELETE';

/**
 * Returns how long to wait before the try that follows, or null: it failed for good. `tries` is how many there were; `chance`
 * is from 0 to 1, and keeps callers that failed together from coming back together.
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

/** The seconds that a header `Retry-After` asks for: a number of them, or a date in one of the three forms of HTTP. */
export function retryAfterS(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text);
  // Date.parse takes almost anything for a date: one of HTTP begins with its day, and is UTC even if it does not say so.
  if (!/^[A-Z][a-z]{2}/.test(text)) return null;
  const at = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now) / 1000));
}
