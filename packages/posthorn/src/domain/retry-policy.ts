import { hourMs, minuteMs, secondMs } from './time.ts';

/** When a failed delivery is tried again. All times in milliseconds. */
export interface RetryPolicy {
  readonly backoff:
    | { readonly kind: 'schedule'; readonly delaysMs: readonly number[] }
    | {
        readonly kind: 'exponential';
        readonly baseMs: number;
        readonly factor: number;
        readonly maxMs: number;
        /** Attempts in all, the first one included. */
        readonly attempts: number;
      };
  /** A schedule's delay is stretched by up to this share (0.1: up to 10% later), never shortened. */
  readonly jitter: number;
  /** Age since acceptance after which no further attempt is made. */
  readonly giveUpAfterMs: number;
}

/** The same as it is declared, in the words of the wire. */
export interface RetryDocument {
  readonly schedule_s?: readonly number[] | undefined;
  readonly exponential?:
    | {
        readonly base_s: number;
        readonly factor: number;
        readonly max_s: number;
        readonly attempts: number;
      }
    | undefined;
  readonly jitter: number;
  readonly give_up_after_s: number;
}

/** Section 7's schedule: at once, then 5 s … 10 h: ten attempts over about 28 hours. */
export const defaultRetryPolicy: RetryPolicy = {
  backoff: {
    kind: 'schedule',
    delaysMs: [
      5 * secondMs,
      30 * secondMs,
      2 * minuteMs,
      10 * minuteMs,
      30 * minuteMs,
      2 * hourMs,
      5 * hourMs,
      10 * hourMs,
      10 * hourMs,
    ],
  },
  jitter: 0.1,
  giveUpAfterMs: 7 * 24 * hourMs,
};

/** Retry-After is obeyed up to here, then the receiver is asked again: it can park nothing beyond that. */
export const maxRetryAfterMs = hourMs;

/**
 * Delay before the next attempt after `attemptsMade` attempts, or null where the schedule has ended.
 * `random` is uniform in [0, 1). Exponential backoff uses full jitter
 * (uniform in [0, min(max, base·factor^n)]), as in AWS' "Exponential Backoff and Jitter".
 */
export function retryDelayMs(policy: RetryPolicy, attemptsMade: number, random: number): number | null {
  const { backoff } = policy;
  if (backoff.kind === 'schedule') {
    const delay = backoff.delaysMs[attemptsMade - 1];
    return delay === undefined ? null : Math.round(delay * (1 + policy.jitter * random));
  }
  if (attemptsMade >= backoff.attempts) return null;
  return Math.round(random * Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** (attemptsMade - 1)));
}
