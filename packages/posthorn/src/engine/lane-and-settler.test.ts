import { expect, test } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { BreakerChange } from '../store/breakers.ts';
import type { ClaimedDelivery, SettleAnswer, Settlement } from '../store/store.ts';
import { anEndpoint, anEvent } from '../../../../test/support.ts';
import { afterRowRead, afterOutcome, concurrency, freshBreaker, isOpen } from './breaker.ts';
import { ChangeKeeper } from './change-keeper.ts';
import { FairBudget } from './fair-budget.ts';
import { SecretError } from '../secrets/keyring.ts';
import { Lane } from './lane.ts';
import { LaneTable } from './lane-table.ts';
import { type Bucket, fullBucket, msUntilTokens, takeToken } from './rate-limit.ts';
import { Settler } from './settler.ts';
import { CostTurns, Turns } from '../runtime/turns.ts';

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

function settlerOn(
  settle: (batch: readonly Settlement[]) => Promise<readonly SettleAnswer[]>,
  isShared = false,
): {
  settler: Settler;
  settled: [number, SettleAnswer][];
  health: boolean[];
} {
  const settled: [number, SettleAnswer][] = [];
  const health: boolean[] = [];
  const settler = new Settler({
    store: { settle },
    clock: still,
    logger: silent,
    sharing: { isShared },
    health: { report: (_, isTaken) => void health.push(isTaken) },
  });
  settler.subscribe({ settled: ({ number }, answer) => void settled.push([number, answer]) });
  return { settler, settled, health };
}

test('a broken endpoint is slowed down, never stopped', () => {
  expect(concurrency(64, false)).toBe(64);
  expect(concurrency(64, true)).toBe(4);
  expect(concurrency(1, true)).toBe(1);
});

const noSigner = () => new SecretError('no secrets here');

function aLane(fields: Parameters<typeof anEndpoint>[0] = {}): Lane {
  const share = () => new FairBudget(1000).share('a');
  const shares = { payload: share(), attempts: share(), outcomes: share() };
  return new Lane(anEndpoint(fields), shares, noSigner);
}
const answered = (durationMs: number) => ({ ok: true, errorClass: null, durationMs });
const refused = { ok: false, errorClass: 'http_5xx', durationMs: 10_000 } as const;
const aDelivery = (number: number): ClaimedDelivery => ({ number, data: '' }) as ClaimedDelivery;

test('G8: what a lane takes into memory is what its endpoint can do with soon, whatever is due', () => {
  const lane = aLane({ maxInFlight: 8 });
  const most = lane.capacity(0);
  expect(most).toBe(8 + 40);
  lane.inFlight = 8;
  for (let n = 0; n < most - 8; n++) lane.push(aDelivery(n), 0);
  expect(lane.capacity(0)).toBe(0);
  lane.shift(0);
  expect(lane.capacity(0)).toBe(1);
  // Slow attempts: nothing but what is in flight is of use.
  for (let n = 0; n < 200; n++) lane.observe(answered(10_000), 0);
  lane.inFlight = 0;
  while (lane.shift(0) !== undefined);
  expect(lane.capacity(0)).toBe(8);
  lane.throttle(1, 0);
  expect([lane.capacity(0), lane.capacity(1)]).toEqual([0, 8]);
  lane.change({ ...lane.endpoint, enabled: false }, 0);
  expect(lane.capacity(1)).toBe(0);
});

test('what has waited too long is given back, and until an attempt ends nothing is claimed ahead again', () => {
  const lane = aLane({ maxInFlight: 1 });
  lane.push(aDelivery(1), 1000);
  lane.push(aDelivery(2), 2000);
  expect(lane.patience(2000)).toBe(4000);
  lane.shift(3000);
  expect(lane.patience(3000)).toBe(5000);
  lane.inFlight = 1;
  expect(lane.takeWaiting().map(({ number }) => number)).toEqual([2]);
  expect([lane.waiting, lane.capacity(8000)]).toEqual([0, 0]);
  lane.observe(answered(20), 8001);
  lane.inFlight = 0;
  expect(lane.capacity(8001)).toBeGreaterThan(1);
});

test('without a limit of its own a lane grows where it is full and answered, and begins at the bottom after it has only failed', () => {
  const lane = aLane();
  const round = (): void => {
    const { atOnce } = lane;
    for (let n = 0; n < atOnce; n++) {
      lane.inFlight = atOnce - 1;
      lane.observe(answered(100), 0);
    }
  };
  const fixed = aLane({ maxInFlight: 64 });
  for (let n = 0; n < 1000; n++) fixed.observe(answered(100), 0);
  expect([lane.atOnce, fixed.atOnce]).toEqual([64, 64]);
  for (let n = 0; n < 40; n++) round();
  expect([lane.atOnce, fixed.atOnce]).toEqual([512, 64]);
  // A node that owns half of the shards has half of it.
  lane.share = 0.5;
  expect(lane.atOnce).toBe(256);
  lane.share = 1;
  for (let n = 0; n < 20; n++) lane.observe(refused, 0);
  expect(lane.atOnce).toBe(4);
  lane.observe(answered(100), 0);
  expect(lane.atOnce).toBe(4);
  for (let n = 0; n < 4; n++) round();
  expect(lane.atOnce).toBeGreaterThan(4);
  lane.change({ ...lane.endpoint, url: 'http://127.0.0.1:2/' }, 0);
  expect(lane.atOnce).toBe(64);
});

test('what was learned of a URL ends with it', () => {
  const lane = aLane();
  for (let n = 0; n < 20; n++) lane.observe(refused, n);
  lane.throttle(100_000, 20);
  expect([isOpen(lane.breaker), lane.capacity(21)]).toEqual([true, 0]);
  expect(lane.change({ ...lane.endpoint, timeoutMs: 1 }, 21)).toBe(false);
  expect(lane.capacity(21)).toBe(0);
  expect(lane.change({ ...lane.endpoint, url: 'http://127.0.0.1:2/' }, 21)).toBe(true);
  expect([isOpen(lane.breaker), lane.capacity(21)]).toEqual([false, 64 + 320]);
});

test.each([0.001, 0.01, 0.3, 1, 1.5, 7, 50, 1000])(
  'a limit of %s/s is used fully: no more is claimed than has a token soon, and none is missed',
  (rate) => {
    const lane = aLane({ rateLimitPerS: rate });
    let now = 5;
    let begun = 0;
    let waited = 0;
    const until = 1000 * Math.max(20, 5 / rate);
    while (now < until) {
      const capacity = lane.capacity(now);
      expect(capacity).toBeLessThanOrEqual(Math.max(1, Math.ceil(rate)));
      for (let n = 0; n < capacity; n++) lane.push(aDelivery(n), now);
      const wait = lane.waiting > 0 ? lane.takeToken(now) : lane.msUntilCapacity(now);
      if (lane.waiting > 0 && wait === 0) {
        lane.shift(now);
        begun++;
        continue;
      }
      // Claimed work waits for its token for 100 ms, whatever the rate.
      if (lane.waiting > 0) waited = Math.max(waited, wait);
      now += Math.max(1, wait);
    }
    const most = (until / 1000) * rate + Math.max(1, rate);
    expect(begun).toBeLessThanOrEqual(most + 1);
    expect(begun).toBeGreaterThanOrEqual(Math.floor(0.98 * most) - 1);
    expect(waited).toBeLessThanOrEqual(101);
  },
);

test('a bucket lets through its rate, says when it will have a token, and holds one second', () => {
  let bucket: Bucket = fullBucket;
  let taken = 0;
  for (let next = takeToken(bucket, 10, 0); next !== null; next = takeToken(bucket, 10, 0)) {
    bucket = next;
    taken++;
  }
  expect(taken).toBe(10);
  expect(msUntilTokens(bucket, 10, 0, 1)).toBe(100);
  expect(takeToken(bucket, 10, 99)).toBeNull();
  expect(takeToken(bucket, 10, 100)).not.toBeNull();
  // Less than one a second still gets its token, and no more than one however long nothing came.
  const slow = takeToken({ tokens: 0, at: 0 }, 0.5, 1e9)!;
  expect(takeToken(slow, 0.5, 1e9)).toBeNull();
  expect(takeToken(slow, 0.5, 1e9 + 2000)).not.toBeNull();
});

test('G8: a tenant that uses less than its part gets some, however much others hold; and what is in use is bounded', () => {
  const budget = new FairBudget(1000);
  const hogs = Array.from({ length: 5 }, () => budget.share('a'));
  const fill = (): void => {
    for (let any = true; any;) {
      any = false;
      for (const hog of hogs)
        if (hog.isOpen) {
          hog.take(1);
          any = true;
        }
    }
  };
  fill();
  expect(budget.used).toBeGreaterThanOrEqual(500);
  const [mine, other] = [budget.share('a'), budget.share('b')];
  let [taken, others] = [0, 0];
  for (; mine.isOpen; taken++) mine.take(1);
  for (; other.isOpen; others++) other.take(1);
  // A sixth of the tenant's half; and another tenant's half of the half.
  expect(taken).toBeGreaterThanOrEqual(83);
  expect(others).toBeGreaterThanOrEqual(250);
  // However many come, each of them new.
  for (let n = 0; n < 5000; n++) {
    const share = budget.share(`t${n % 50}`);
    for (let m = 0; m < 100 && share.isOpen; m++) share.take(1);
  }
  expect(budget.used).toBeLessThanOrEqual(2000);
});

test('G8: tenants take turns, and within a tenant the first to come', () => {
  const turns = new Turns<string>();
  for (const name of ['a1', 'a2', 'a3']) turns.add('a', name);
  turns.add('b', 'b1');
  turns.add('a', 'a1');
  expect(turns.size).toBe(4);
  expect([turns.take(), turns.take(), turns.take(), turns.take(), turns.take()]).toEqual([
    'a1',
    'b1',
    'a2',
    'a3',
    undefined,
  ]);
});

test('G8: a tenant of large requests gets as many bytes as another, and not as many turns', () => {
  const turns = new CostTurns<string>();
  const mib = 1024 * 1024;
  for (const name of ['a1', 'a2']) turns.add('a', name, 8 * mib);
  for (let n = 0; n < 200; n++) turns.add('b', 'b', 2048);
  turns.add('c', 'c1', mib);
  const taken = Array.from({ length: turns.size }, () => turns.take());
  const places = ['c1', 'a1', 'a2'].map((name) => taken.indexOf(name));
  expect(places[0]).toBeGreaterThan(10);
  expect(places[0]).toBeLessThan(20);
  expect(places[1]).toBeGreaterThan(120);
  expect(places[1]).toBeLessThan(140);
  // What is alone does not wait.
  expect(places[2]).toBe(202);
  expect([turns.size, turns.take(), turns.peek()]).toEqual([0, undefined, undefined]);
});

test('outcomes that come together share a commit, in order', async () => {
  const batches: number[][] = [];
  const { settler, settled } = settlerOn(async (batch) => {
    batches.push(batch.map(({ number }) => number));
    return batch.map(({ number }) => (number === 2 ? 'superseded' : 'applied'));
  });
  for (const number of [1, 2, 3]) settler.push(outcome(number));
  expect(settler.unsettled).toBe(3);
  await settler.drained();
  expect(batches).toEqual([[1, 2, 3]]);
  expect(settled).toEqual([
    [1, 'applied'],
    [2, 'superseded'],
    [3, 'applied'],
  ]);
});

test('G4: while the store refuses, no outcome is lost', async () => {
  let refusals = 3;
  const { settler, settled, health } = settlerOn(async (batch) => {
    if (refusals-- > 0) throw new UnavailableError('full');
    return batch.map(() => 'applied');
  });
  for (const number of [1, 2]) settler.push(outcome(number));
  await settler.drained();
  expect(settled.map(([number]) => number)).toEqual([1, 2]);
  expect(health).toEqual([false, false, false, true]);
});

test('a stop ends the settler whatever the store does, and says how much is left', async () => {
  const { settler } = settlerOn(() => new Promise(() => {}));
  for (const number of [1, 2]) settler.push(outcome(number));
  const drained = settler.drained();
  expect(settler.abandon()).toBe(2);
  await drained;
});

test('one outcome that cannot be settled does not hold up the others', async () => {
  const { settler, settled } = settlerOn(async (batch) => {
    if (batch.some(({ number }) => number === 2)) throw new TypeError('a defect');
    return batch.map(() => 'applied');
  });
  for (const number of [1, 2, 3]) settler.push(outcome(number));
  await settler.drained();
  expect(settled.map(([number]) => number)).toEqual([1, 3]);
  expect(settler.unsettled).toBe(0);
});

test('the breaker: only changes are written, and a newer success of this node wins over the row', () => {
  let breaker = freshBreaker;
  for (let n = 1; n < 20; n++) breaker = afterOutcome(breaker, false, n);
  expect([isOpen(breaker), breaker.openSince]).toEqual([false, null]);
  breaker = afterOutcome(breaker, false, 20);
  expect([isOpen(breaker), breaker.openSince]).toEqual([true, 20]);
  expect(afterOutcome(breaker, false, 21).openSince).toBe(20);
  // Another node got through: the row is closed, and this node stays slow by its own failures without a word.
  breaker = afterOutcome(afterRowRead(breaker, null), false, 22);
  expect([isOpen(breaker), breaker.openSince]).toEqual([true, null]);
  breaker = afterOutcome(breaker, true, 23);
  expect(isOpen(breaker)).toBe(false);
  // What another node found out before that success is refuted, what it found out later is believed.
  expect(afterRowRead(breaker, 22).openSince).toBe(null);
  expect(isOpen(afterRowRead(breaker, 24))).toBe(true);
  expect(afterOutcome(afterRowRead(breaker, 24), true, 25).openSince).toBe(null);
});

test('what is known of endpoints is written together and never more often than once a second; what fails is written again', async () => {
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
  const keeper = new ChangeKeeper<BreakerChange>({
    save: async (changes) => {
      if (away) throw new UnavailableError('away');
      written.push(changes);
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
  const url = 'http://a/';
  keeper.note({ endpointId: 'a', url, open: true, at: 1 });
  keeper.note({ endpointId: 'b', url, open: true, at: 2 });
  keeper.note({ endpointId: 'a', url, open: false, at: 3 });
  expect(timers).toHaveLength(1);
  expect(await fire()).toBe(0);
  away = false;
  expect([keeper.isUnsaved('a'), keeper.isUnsaved('c')]).toEqual([true, false]);
  expect(await fire()).toBe(1000);
  expect(keeper.isUnsaved('a')).toBe(false);
  expect(written.map((changes) => changes.map(({ endpointId, at }) => [endpointId, at]))).toEqual([
    [
      ['a', 3],
      ['b', 2],
    ],
  ]);
});

test('G8: no more attempts are in flight than the transport can carry, however many endpoints want them', () => {
  const inFlight = (capacity: number | undefined): number => {
    const lanes = new LaneTable(noSigner, capacity);
    let taken = 0;
    for (let n = 0; n < 10_000; n++) {
      const { attempts } = lanes.add(anEndpoint({ id: `ep_${n}`, tenant: `t${n}` })).shares;
      if (!attempts.isOpen) continue;
      attempts.take(1);
      taken++;
    }
    return taken;
  };
  expect(inFlight(64)).toBeLessThanOrEqual(128);
  expect(inFlight(64)).toBeGreaterThanOrEqual(32);
  expect(inFlight(undefined)).toBeGreaterThanOrEqual(2048);
});

test('an event goes to the lanes of its tenant that subscribe to its type now', () => {
  const lanes = new LaneTable(noSigner);
  const to = (type: string): string[] =>
    Array.from(lanes.subscribed([[anEvent({ type })]]), ({ endpoint }) => endpoint.id).toSorted();
  const first = lanes.add(anEndpoint({ id: 'ep_1', eventTypes: ['a.*'] }));
  const second = lanes.add(anEndpoint({ id: 'ep_2', eventTypes: ['*'] }));
  lanes.add(anEndpoint({ id: 'ep_3', eventTypes: ['*'], tenant: 'another' }));
  expect([to('a.b'), to('c')]).toEqual([['ep_1', 'ep_2'], ['ep_2']]);
  lanes.change(first, anEndpoint({ id: 'ep_1', eventTypes: ['c'] }), 0);
  lanes.remove(second);
  expect([to('a.b'), to('c')]).toEqual([[], ['ep_1']]);
});
