import type { RetryPolicy } from './retry-policy.ts';

/** A delivery that waits: attempts of its schedule so far, when the next may be made, and when it was accepted. */
export interface WaitingDelivery {
  readonly tries: number;
  readonly nextAt: number;
  readonly createdAt: number;
}

/**
 * The time before which a delivery cannot become a dead letter, even if every attempt fails from now on. Null for exponential
 * backoff, whose jitter may be no wait at all.
 */
export function earliestEnd(
  { tries, nextAt, createdAt }: WaitingDelivery,
  policy: RetryPolicy,
): number | null {
  const { backoff, jitter, giveUpAfterMs } = policy;
  if (backoff.kind !== 'schedule') return null;
  let attemptAt = nextAt;
  let end = Number.POSITIVE_INFINITY;
  // After attempt n the delay is the schedule's nth, stretched by the jitter; one that reaches beyond the last moment ends it.
  for (const delayMs of backoff.delaysMs.slice(tries)) {
    const lastStart = createdAt + giveUpAfterMs - Math.round(delayMs * (1 + jitter));
    end = Math.min(end, Math.max(attemptAt, lastStart));
    attemptAt += Math.round(delayMs);
  }
  return Math.min(end, attemptAt);
}
