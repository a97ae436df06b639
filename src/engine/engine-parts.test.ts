import { expect, test } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { BreakerChange, ClaimedDelivery, Settlement } from '../store/store.ts';
import { anEndpoint } from '../../test/support.ts';
import { afterLook, afterOutcome, concurrency, freshBreaker, isOpen } from './breaker.ts';
import { BreakerKeeper } from './breaker-keeper.ts';
import { Lane } from './lane.ts';
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
  expect(concurrency(64, false)).toBe(64);
  expect(concurrency(64, true)).toBe(4);
  expect(concurrency(1, true)).toBe(1);
});

test('G8: what a lane takes into memory is what its endpoint can do with soon, whatever is due', () => {
  const lane = new Lane(anEndpoint({ maxInFlight: 8 }));
  const most = lane.room(0);
  expect(most).toBe(8 + 40);
  lane.inFlight = 8;
  for (let n = 0; n < most - 8; n++) lane.push({ number: n } as ClaimedDelivery);
  expect(lane.room(0)).toBe(0);
  lane.shift();
  expect(lane.room(0)).toBe(1);
  // Slow attempts: nothing but what is in flight is of use.
  for (let n = 0; n < 200; n++) lane.observe(true, 10_000, 0);
  lane.inFlight = 0;
  while (lane.shift() !== undefined);
  expect(lane.room(0)).toBe(8);
  lane.heldUntil = 1;
  expect([lane.room(0), lane.room(1)]).toEqual([0, 8]);
  lane.change({ ...lane.endpoint, enabled: false });
  expect(lane.room(1)).toBe(0);
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

test('the breaker: only what changes is told, a newer success of this node wins over the row', () => {
  let breaker = freshBreaker;
  for (let n = 1; n < 20; n++) breaker = afterOutcome(breaker, false, n);
  expect([isOpen(breaker), breaker.openSince]).toEqual([false, null]);
  breaker = afterOutcome(breaker, false, 20);
  expect([isOpen(breaker), breaker.openSince]).toEqual([true, 20]);
  expect(afterOutcome(breaker, false, 21).openSince).toBe(20);
  // Another node got through: the row is closed, and this node stays slow by its own failures without a word.
  breaker = afterOutcome(afterLook(breaker, null), false, 22);
  expect([isOpen(breaker), breaker.openSince]).toEqual([true, null]);
  breaker = afterOutcome(breaker, true, 23);
  expect(isOpen(breaker)).toBe(false);
  // What another node found out before that success is refuted, what it found out later is believed.
  expect(afterLook(breaker, 22).openSince).toBe(null);
  expect(isOpen(afterLook(breaker, 24))).toBe(true);
  expect(afterOutcome(afterLook(breaker, 24), true, 25).openSince).toBe(null);
});

test('breakers are written together and never more often than once a second; what fails is written again', async () => {
  const timers: { ms: number; fn: () => void }[] = [];
  let now = 0;
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    after: (ms, fn) => {
      timers.push({ ms, fn });
      return () => {};
    },
  };
  const written: (readonly BreakerChange[])[] = [];
  let away = true;
  const keeper = new BreakerKeeper({
    store: {
      saveBreakers: async (changes) => {
        if (away) throw new UnavailableError('away');
        written.push(changes);
      },
      openBreakers: async () => [],
    },
    clock,
    logger: silent,
  });
  const fire = async (): Promise<number> => {
    const { ms, fn } = timers.shift()!;
    now += ms;
    fn();
    await new Promise(setImmediate);
    return ms;
  };
  keeper.note({ endpointId: 'a', open: true, at: 1 });
  keeper.note({ endpointId: 'b', open: true, at: 2 });
  keeper.note({ endpointId: 'a', open: false, at: 3 });
  expect(timers).toHaveLength(1);
  expect(await fire()).toBe(0);
  away = false;
  expect(await fire()).toBe(1000);
  expect(written.map((changes) => changes.map(({ endpointId, at }) => [endpointId, at]))).toEqual([
    [
      ['a', 3],
      ['b', 2],
    ],
  ]);
});
