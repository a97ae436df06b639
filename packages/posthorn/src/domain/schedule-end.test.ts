import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterAttempt } from './delivery.ts';
import type { RetryPolicy } from './retry-policy.ts';
import { earliestEnd } from './schedule-end.ts';

const schedule = (delaysMs: readonly number[], giveUpAfterMs = 1e9): RetryPolicy => ({
  backoff: { kind: 'schedule', delaysMs },
  jitter: 0.1,
  giveUpAfterMs,
});

test('a delivery ends with the last attempt of its schedule', () => {
  const policy = schedule([5, 30, 120]);
  expect(earliestEnd({ tries: 0, nextAt: 100, createdAt: 100 }, policy)).toBe(255);
  expect(earliestEnd({ tries: 2, nextAt: 100, createdAt: 0 }, policy)).toBe(220);
  expect(earliestEnd({ tries: 3, nextAt: 100, createdAt: 0 }, policy)).toBe(100);
});

test('a delivery ends earlier where the next attempt would be too late', () => {
  expect(earliestEnd({ tries: 0, nextAt: 0, createdAt: 0 }, schedule([50, 300, 1200], 1000))).toBe(350);
});

test('exponential backoff promises no time', () => {
  const backoff = { kind: 'exponential', baseMs: 1000, factor: 2, maxMs: 60_000, attempts: 9 } as const;
  expect(
    earliestEnd({ tries: 0, nextAt: 0, createdAt: 0 }, { backoff, jitter: 0, giveUpAfterMs: 1e9 }),
  ).toBeNull();
});

test('no delivery that fails every attempt is dead before its earliest end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.nat(8),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 10, maxLength: 10 }),
      fc.array(fc.option(fc.nat(5000)), { minLength: 10, maxLength: 10 }),
      (delays, giveUp, tries, randoms, retryAfters) => {
        const policy = schedule(delays, giveUp);
        const end = earliestEnd({ tries, nextAt: 50, createdAt: 0 }, policy)!;
        let now = 50;
        for (let made = tries + 1; ; made++) {
          const outcome = {
            ok: false,
            errorClass: 'timeout',
            retryAfterMs: retryAfters[made % 10]!,
          } as const;
          const next = afterAttempt(
            { attemptsMade: made, createdAt: 0 },
            outcome,
            policy,
            now,
            randoms[made % 10]!,
          );
          if (next.state === 'dead') break;
          now = next.dueAt!;
        }
        expect(now).toBeGreaterThanOrEqual(end);
      },
    ),
  );
});
