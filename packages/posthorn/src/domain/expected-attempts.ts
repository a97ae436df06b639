import type { RetryPolicy } from './retry-policy.ts';

/** When an attempt is to be expected, if those before it fail: not before `at`, and not after `latestAt`, but for what the receiver asks for. */
export interface ExpectedAttempt {
  readonly at: number;
  readonly latestAt: number;
}

const maxExpected = 20;

/** How long after an attempt the next one follows at least and at most; null: none follows. */
function pauseMs(
  { backoff, jitter }: RetryPolicy,
  attemptsMade: number,
): { readonly min: number; readonly max: number } | null {
  if (backoff.kind === 'schedule') {
    const delay = backoff.delaysMs[attemptsMade - 1];
    return delay === undefined ? null : { min: delay, max: Math.round(delay * (1 + jitter)) };
  }
  if (attemptsMade >= backoff.attempts) return null;
  return {
    min: 0,
    max: Math.round(Math.min(backoff.maxMs, backoff.baseMs * backoff.factor ** (attemptsMade - 1))),
  };
}

/** The attempts that follow an attempt at `at`, after which `attemptsMade` were made of the schedule, if all of them fail. */
export function expectedAfter(
  policy: RetryPolicy,
  {
    at,
    attemptsMade,
    createdAt,
  }: { readonly at: number; readonly attemptsMade: number; readonly createdAt: number },
): readonly ExpectedAttempt[] {
  const givesUpAt = createdAt + policy.giveUpAfterMs;
  const expected: ExpectedAttempt[] = [];
  let last: ExpectedAttempt = { at, latestAt: at };
  for (let made = attemptsMade; expected.length < maxExpected; made++) {
    const pause = pauseMs(policy, made);
    if (pause === null || last.at + pause.min > givesUpAt) break;
    last = {
      at: last.at + pause.min,
      latestAt: Math.min(givesUpAt, last.latestAt + pause.max),
    };
    expected.push(last);
  }
  return expected;
}
