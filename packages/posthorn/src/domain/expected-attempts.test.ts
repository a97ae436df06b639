import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterAttempt } from './delivery.ts';
import { expectedAfter } from './expected-attempts.ts';
import type { RetryPolicy } from './retry-policy.ts';

const failed = { ok: false, errorClass: 'timeout', retryAfterMs: null } as const;
const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  backoff: fc.oneof(
    fc.record({
      kind: fc.constant('schedule' as const),
      delaysMs: fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 8 }),
    }),
    fc.record({
      kind: fc.constant('exponential' as const),
      baseMs: fc.integer({ min: 1, max: 10_000 }),
      factor: fc.constantFrom(1, 1.5, 2, 4),
      maxMs: fc.integer({ min: 1, max: 100_000 }),
      attempts: fc.integer({ min: 1, max: 10 }),
    }),
  ),
  jitter: fc.constantFrom(0, 0.1, 1),
  giveUpAfterMs: fc.integer({ min: 1000, max: 1_000_000 }),
});

test('attempts come when they are expected, and none comes that is not', () => {
  fc.assert(
    fc.property(
      policies,
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 20, maxLength: 20 }),
      (policy, draws) => {
        const expected = expectedAfter(policy, { at: 5000, attemptsMade: 1, createdAt: 4000 });
        let at = 5000;
        for (const [index, random] of draws.entries()) {
          const next = afterAttempt({ attemptsMade: index + 1, createdAt: 4000 }, failed, policy, at, random);
          if (next.state === 'dead') break;
          const one = expected[index];
          expect(one).toBeDefined();
          expect(next.dueAt).toBeGreaterThanOrEqual(one!.at);
          expect(next.dueAt).toBeLessThanOrEqual(one!.latestAt);
          at = next.dueAt!;
        }
      },
    ),
  );
});

test('a schedule without jitter is exact to the millisecond, up to its end', () => {
  const backoff = { kind: 'schedule', delaysMs: [1000, 2000, 4000] } as const;
  const after = (attemptsMade: number, giveUpAfterMs = 100_000) =>
    expectedAfter({ backoff, jitter: 0, giveUpAfterMs }, { at: 0, attemptsMade, createdAt: 0 }).map(
      ({ at, latestAt }) => [at, latestAt],
    );
  expect(after(1)).toEqual([
    [1000, 1000],
    [3000, 3000],
    [7000, 7000],
  ]);
  expect(after(3)).toEqual([[4000, 4000]]);
  expect(after(4)).toEqual([]);
  expect(after(1, 3000)).toEqual([
    [1000, 1000],
    [3000, 3000],
  ]);
});
