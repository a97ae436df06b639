import { expect, test } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Settlement } from '../store/store.ts';
import { concurrency } from './breaker.ts';
import { takeToken } from './rate-limit.ts';
import { Settler } from './settler.ts';

/** A clock that stands still; timers fire at once, in turn. */
const still: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after: (_, fn) => {
    queueMicrotask(fn);
    return () => {};
  },
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const outcome = (number: number): Settlement => ({ number }) as Settlement;

function settlerOn(settle: (batch: readonly Settlement[]) => Promise<readonly boolean[]>): {
  settler: Settler;
  settled: [number, boolean][];
  health: boolean[];
} {
  const settled: [number, boolean][] = [];
  const health: boolean[] = [];
  const settler = new Settler({
    store: { settle },
    clock: still,
    logger: silent,
    settled: ({ number }, applied) => settled.push([number, applied]),
    onHealth: (takes) => health.push(takes),
  });
  return { settler, settled, health };
}

test('a broken endpoint is slowed down, never stopped', () => {
  expect(concurrency(64, 0)).toBe(64);
  expect(concurrency(64, 19)).toBe(64);
  expect(concurrency(64, 20)).toBe(4);
  expect(concurrency(1, 1000)).toBe(1);
});

test('a bucket lets through its rate, says when it will have a token, and survives a clock that steps back', () => {
  let bucket = { tokens: Number.POSITIVE_INFINITY, at: 0 };
  let taken = 0;
  for (;;) {
    const answer = takeToken(bucket, 10, 0);
    if ('readyAt' in answer) {
      expect(answer.readyAt).toBe(100);
      break;
    }
    ({ bucket } = answer);
    taken++;
  }
  expect(taken).toBe(10);
  expect(takeToken(bucket, 10, 99)).toHaveProperty('readyAt');
  expect(takeToken(bucket, 10, 100)).toHaveProperty('bucket');
  expect(takeToken(bucket, 10, -1000)).toHaveProperty('readyAt');
  // Less than one a second still gets its token.
  expect(takeToken({ tokens: 0, at: 0 }, 0.5, 2000)).toHaveProperty('bucket');
});

test('outcomes that come together share a commit, in order', async () => {
  const batches: number[][] = [];
  const { settler, settled } = settlerOn(async (batch) => {
    batches.push(batch.map(({ number }) => number));
    return batch.map(({ number }) => number !== 2);
  });
  for (const number of [1, 2, 3]) settler.push(outcome(number));
  expect(settler.unsettled).toBe(3);
  await settler.drained();
  expect(batches).toEqual([[1, 2, 3]]);
  expect(settled).toEqual([
    [1, true],
    [2, false],
    [3, true],
  ]);
});

test('G4: while the store refuses, no outcome is lost', async () => {
  let refusals = 3;
  const { settler, settled, health } = settlerOn(async (batch) => {
    if (refusals-- > 0) throw new UnavailableError('full');
    return batch.map(() => true);
  });
  for (const number of [1, 2]) settler.push(outcome(number));
  await settler.drained();
  expect(settled.map(([number]) => number)).toEqual([1, 2]);
  expect(health).toEqual([false, false, false, true]);
});

test('one outcome that cannot be settled does not hold up the others', async () => {
  const { settler, settled } = settlerOn(async (batch) => {
    if (batch.some(({ number }) => number === 2)) throw new TypeError('a defect');
    return batch.map(() => true);
  });
  for (const number of [1, 2, 3]) settler.push(outcome(number));
  await settler.drained();
  expect(settled.map(([number]) => number)).toEqual([1, 3]);
  expect(settler.unsettled).toBe(0);
});
