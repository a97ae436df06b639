import type { ErrorClass } from './attempt.ts';

// The limit of attempts in flight of an endpoint whose `max_in_flight` is not set. It grows while the endpoint answers as fast
// as it did, and shrinks as far as it does not: the gradient of Netflix's concurrency-limits for its durations, and DCTCP's
// proportional decrease (RFC 8257) for its failures, which halves the limit only if every attempt fails. AIMD's halving at
// any failure would slow a receiver down that refuses one event in a hundred for a reason of its own.

/** `start` is where a limit begins, and as far as slow answers alone take it down; failures take it to `least`. */
export const adaptiveBounds = { least: 4, start: 64, most: 512 } as const;

/** Answers that take this much longer than the fastest are not a sign of a queue. */
const tolerance = 1.5;
/** Slow answers take away at most half in one step. */
const minGradient = 0.5;

export interface AdaptiveLimit {
  readonly limit: number;
  /** Mean duration of the fastest window above `start`, or of the last one there; null before the first. */
  readonly baseMs: number | null;
}

export const freshLimit: AdaptiveLimit = { limit: adaptiveBounds.start, baseMs: null };
/** Where an endpoint goes on that has only failed. */
export const minLimit: AdaptiveLimit = { limit: adaptiveBounds.least, baseMs: null };

/** About as many attempts as the limit lets be in flight: what one round trip has taught. */
export interface AttemptWindow {
  readonly attempts: number;
  /** Those that failed as a receiver does that is asked too much. */
  readonly overloads: number;
  /** Duration of all others together. */
  readonly totalMs: number;
  /** Whether the limit was reached: if not, it says nothing about a higher one. */
  readonly wasFull: boolean;
}

const overloadClasses: ReadonlySet<ErrorClass> = new Set([
  'timeout',
  'connect',
  'reset',
  'http_5xx',
  'rate_limited',
]);

export function showsOverload(errorClass: ErrorClass | null): boolean {
  return errorClass !== null && overloadClasses.has(errorClass);
}

export function nextLimit({ limit, baseMs }: AdaptiveLimit, window: AttemptWindow): AdaptiveLimit {
  const { least, start, most } = adaptiveBounds;
  const answered = window.attempts - window.overloads;
  const meanMs = answered === 0 ? null : window.totalMs / answered;
  const base = baseFrom({ limit, baseMs }, meanMs);
  const slowed = meanMs === null || base === null ? 1 : (tolerance * base) / Math.max(meanMs, 0.001);
  const gradient = Math.min(1, Math.max(minGradient, slowed));
  const failing = window.overloads / window.attempts;
  const slow = limit * gradient;
  const kept = Math.max(Math.min(limit, start), slow) * (1 - failing / 2);
  // One that slow answers took down to the start stays there for a window, to be measured.
  const step = limit > start && slow <= start ? 0 : Math.sqrt(limit);
  // What is not used is given back, so that a receiver that turns slow is not met by a limit of long ago.
  const next = window.wasFull ? kept + step * (1 - failing) : Math.max(Math.min(kept, start), kept - step);
  return { limit: Math.min(most, Math.max(least, next)), baseMs: base };
}

/** Measured anew wherever the limit is low: a receiver that became slower for good is no longer compared with its past. */
function baseFrom({ limit, baseMs }: AdaptiveLimit, meanMs: number | null): number | null {
  if (meanMs === null || baseMs === null) return meanMs ?? baseMs;
  return limit <= adaptiveBounds.start ? meanMs : Math.min(baseMs, meanMs);
}
