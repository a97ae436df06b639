import { expect, test } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import { VirtualTime } from '../runtime/virtual-time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { RedriveRecord } from '../store/store.ts';
import type { ClusterRole } from '../domain/shard.ts';
import { Redriver } from './redriver.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

interface FakeJob {
  record: RedriveRecord;
  /** What each step finds: as many as it asks for, or so many at most. */
  readonly perStep: number;
  readonly stepTakesMs: number;
  failing: boolean;
}

/** A store whose jobs are in memory, on virtual time. */
function world() {
  const time = new VirtualTime(Date.UTC(2026, 0, 4));
  const clock: Clock = {
    now: () => Math.floor(time.now),
    monotonic: () => time.elapsed,
    after: (ms, fn) => time.after(ms, fn),
  };
  const jobs = new Map<string, FakeJob>();
  let steps = 0;
  let atOnce = 0;
  let maxAtOnce = 0;
  let away = false;
  const store = {
    read: {
      runningRedrives: async () => {
        if (away) throw new UnavailableError('away');
        return [...jobs.values()].map(({ record }) => record).filter(({ state }) => state === 'running');
      },
    },
    write: {
      stepRedrive: async (id: string, limit: number, now: number) => {
        steps++;
        maxAtOnce = Math.max(maxAtOnce, ++atOnce);
        const job = jobs.get(id)!;
        await time.wait(job.stepTakesMs);
        atOnce--;
        if (job.failing) throw new Error('this one fails');
        if (job.record.state !== 'running') return { redrive: job.record, endpointIds: [], isWaiting: false };
        const left = job.record.matched - job.record.redriven;
        const count = Math.min(limit, job.perStep, left);
        const done = count === left && job.perStep > 0;
        job.record = {
          ...job.record,
          redriven: job.record.redriven + count,
          steppedAt: count > 0 ? now : job.record.steppedAt,
          state: done ? 'done' : 'running',
          finishedAt: done ? now : null,
        };
        return { redrive: job.record, endpointIds: [], isWaiting: false };
      },
    },
  };
  const node = (role: ClusterRole = { isCoordinator: true }) =>
    new Redriver({ store, clock, logger: silent, role, dispatcher: { wake: () => {} } });
  return {
    time,
    jobs,
    node,
    get steps() {
      return steps;
    },
    get maxAtOnce() {
      return maxAtOnce;
    },
    setAway: (is: boolean) => void (away = is),
    job: (id: string, ratePerS: number | null, matched: number, fields: Partial<FakeJob> = {}): FakeJob => {
      const record: RedriveRecord = {
        id,
        kind: 'redrive',
        name: null,
        filter: {},
        target: null,
        firstNumber: 0,
        belowNumber: 0,
        by: null,
        stopReason: null,
        keysHeld: 0,
        endpoints: 0,
        byEndpoint: [],
        ratePerS,
        dryRun: false,
        state: 'running',
        matched,
        skipped: 0,
        redriven: 0,
        value: [],
        oldestAt: null,
        newestAt: null,
        createdAt: 0,
        steppedAt: null,
        finishedAt: null,
      };
      const job = { record, perStep: Number.POSITIVE_INFINITY, stepTakesMs: 1, failing: false, ...fields };
      jobs.set(id, job);
      return job;
    },
    run: (seconds: number) => time.run(time.now + seconds * 1000, () => false),
  };
}

test.each([
  [0.01, 1000],
  [0.1, 100],
  [0.7, 100],
  [1, 60],
  [3, 60],
  [9.9, 60],
  [50, 20],
  [999, 20],
  [1005, 20],
  [4321, 20],
  [20_000, 20],
])('%d a second is what is redriven a second, over %d s', async (rate, seconds) => {
  const w = world();
  const job = w.job('a', rate, 10_000_000);
  w.node().wake();
  await w.run(seconds);
  const redriven = job.record.redriven;
  // The first step comes at once: as many as are due in a tenth of a second, and one at least.
  expect(redriven).toBeGreaterThanOrEqual(Math.floor(rate * seconds * 0.99));
  expect(redriven).toBeLessThanOrEqual(
    rate * seconds + Math.min(200, Math.max(1, Math.round(rate / 10))) + 1,
  );
});

test('the rate counts what is redriven, and not what is read for it', async () => {
  const w = world();
  // A step may take a hundred, and finds three.
  const job = w.job('a', 100, 10_000, { perStep: 3 });
  w.node().wake();
  await w.run(10);
  expect(job.record.redriven).toBeGreaterThan(990);
  expect(job.record.redriven).toBeLessThanOrEqual(1012);
});

test('G8: a slow, a failing and an endless redrive hold up none of the others', async () => {
  const w = world();
  const slow = w.job('a-slow', 1, 1000);
  const failing = w.job('b-failing', null, 1000, { failing: true, stepTakesMs: 50 });
  // It reads and reads, and matches nothing.
  const endless = w.job('c-endless', null, 1, { perStep: 0 });
  const hanging = w.job('d-hanging', null, 400, { stepTakesMs: 25_000 });
  const quick = w.job('e-quick', null, 5000);
  w.node().wake();
  await w.run(2);
  expect(quick.record).toMatchObject({ state: 'done', redriven: 5000 });
  await w.run(58);
  expect(slow.record.redriven).toBeGreaterThanOrEqual(60);
  expect(slow.record.redriven).toBeLessThanOrEqual(61);
  expect(endless.record.state).toBe('running');
  expect(hanging.record).toMatchObject({ redriven: 400, state: 'done' });
  expect(w.maxAtOnce).toBeLessThanOrEqual(3);
  failing.failing = false;
  await w.run(31);
  expect(failing.record).toMatchObject({ state: 'done', redriven: 1000 });
});

test('redrives without a rate take turns', async () => {
  const w = world();
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => w.job(id, null, 1_000_000, { stepTakesMs: 10 }));
  w.node().wake();
  await w.run(10);
  const redriven = all.map(({ record }) => record.redriven);
  expect(Math.min(...redriven)).toBeGreaterThan(0.9 * Math.max(...redriven));
});

test('a redrive that was stopped or changed by another node is so within a second', async () => {
  const w = world();
  const stopped = w.job('a', 0.01, 1000);
  const changed = w.job('b', 0.01, 1_000_000);
  const slowed = w.job('c', 1000, 1_000_000);
  w.node().wake();
  await w.run(10);
  expect([stopped.record.redriven, changed.record.redriven]).toEqual([1, 1]);
  stopped.record = { ...stopped.record, state: 'stopped' };
  changed.record = { ...changed.record, ratePerS: 100 };
  slowed.record = { ...slowed.record, ratePerS: 0.1 };
  const before = slowed.record.redriven;
  await w.run(10);
  expect(stopped.record.redriven).toBe(1);
  expect(changed.record.redriven).toBeGreaterThan(850);
  expect(slowed.record.redriven - before).toBeLessThanOrEqual(101);
});

test('a new redrive is found while others run, and none costs anything once all are done', async () => {
  const w = world();
  w.job('a', 1, 5);
  w.node().wake();
  await w.run(2);
  const late = w.job('b', null, 10);
  await w.run(1.1);
  expect(late.record.state).toBe('done');
  await w.run(10);
  const { steps } = w;
  const fired = w.time.fired;
  await w.run(1000);
  expect([w.steps, w.time.fired]).toEqual([steps, fired]);
});

test('a restart, or another node, goes on at the same rate and does not begin with a burst', async () => {
  const w = world();
  const job = w.job('a', 0.5, 1000);
  let coordinator = 0;
  for (let turn = 0; turn < 30; turn++) {
    const mine = turn;
    coordinator = turn;
    const node = w.node({
      get isCoordinator() {
        return coordinator === mine;
      },
    });
    node.wake();
    await w.run(4);
    if (turn % 2 === 0) node.stop();
  }
  expect(job.record.redriven).toBeGreaterThanOrEqual(50);
  expect(job.record.redriven).toBeLessThanOrEqual(61);
});

test('only the coordinator steps, and one that is stopped does no more', async () => {
  const w = world();
  const job = w.job('a', 10, 1000);
  w.node({ isCoordinator: false }).wake();
  await w.run(10);
  expect(job.record.redriven).toBe(0);
  const node = w.node();
  node.wake();
  await w.run(2);
  node.stop();
  // The step that was under way ends.
  await w.run(1);
  const { redriven } = job.record;
  expect(redriven).toBeGreaterThan(0);
  await w.run(10);
  expect(job.record.redriven).toBe(redriven);
});

test('while the store is away it is asked again, and the redrive goes on', async () => {
  const w = world();
  const job = w.job('a', null, 1000);
  w.setAway(true);
  w.node().wake();
  await w.run(5);
  expect(job.record.redriven).toBe(0);
  w.setAway(false);
  await w.run(2);
  expect(job.record.state).toBe('done');
});
