import { expect, test } from 'vitest';
import { anEvent } from '../../../../test/support.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { NewEvent } from '../domain/event.ts';
import { newReceipt } from '../store/plan.ts';
import type { FanOutRequest, FanOutStep } from '../store/store.ts';
import type { Clock } from '../runtime/clock.ts';
import { Sharing } from '../runtime/sharing.ts';
import { FanOut } from './fan-out.ts';
import { Intake } from './intake.ts';

/** A clock that stands still; timers fire at once, in turn. */
const still: Clock = {
  now: () => 7,
  monotonic: () => 0,
  after: (_, fn) => {
    queueMicrotask(fn);
    return () => {};
  },
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const idle: FanOutStep = { tenant: null, made: 0, claimed: [], events: [], waiting: [] };
const noRoom = (now: number) => ({
  now,
  node: 'a',
  leaseMs: 1,
  defaultRoom: 0,
  room: new Map<string, number>(),
});
/** What an intake has beside its store: nothing here is claimed as it is accepted. */
const aside = {
  admission: { reserve: noRoom, admit: () => {} },
  fanOut: { wake: () => {} },
  health: { report: () => {} },
  observer: undefined,
  tracing: undefined,
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A runner on a store that answers each step as the test says. */
function runnerOn(step: (request: FanOutRequest, n: number) => Promise<FanOutStep>) {
  const requests: FanOutRequest[] = [];
  const due: string[] = [];
  const fanOut = new FanOut({
    store: { stepFanOut: (request) => step(request, requests.push(request)) },
    clock: still,
    logger: silent,
    admission: {
      reserveStep: (now) => noRoom(now),
      admitStep: ({ waiting }) => void due.push(...waiting),
    },
  });
  return { fanOut, requests, due };
}

test('G2: a fan-out goes on step by step until none is left, through failures and through another node', async () => {
  const { fanOut, requests, due } = runnerOn(async (_, n) => {
    if (n === 2) throw new Error('the store is away');
    if (n === 3) return { tenant: 'b', made: 0, claimed: [], events: [], waiting: [] };
    return n < 6
      ? { tenant: n % 2 === 0 ? 'b' : 'c', made: 5, claimed: [], events: [], waiting: [`ep_${n}`] }
      : idle;
  });
  fanOut.wake();
  fanOut.wake();
  await turn();
  expect(requests).toHaveLength(6);
  // Tenants take turns: each step says whose the one before was.
  expect(requests.map(({ after }) => after)).toEqual([null, 'c', 'c', 'b', 'b', 'c']);
  expect(due).toEqual(['ep_1', 'ep_4', 'ep_5']);
  fanOut.wake();
  await turn();
  expect(requests).toHaveLength(7);
});

test('stopping waits for the step that is under way, and begins no other', async () => {
  const { promise, resolve } = Promise.withResolvers<FanOutStep>();
  const { fanOut, requests } = runnerOn(() => promise);
  fanOut.wake();
  let stopped = false;
  const stopping = fanOut.stop().then(() => (stopped = true));
  await turn();
  expect(stopped).toBe(false);
  resolve({ tenant: 'a', made: 1, claimed: [], events: [], waiting: [] });
  await stopping;
  fanOut.wake();
  await turn();
  expect(requests).toHaveLength(1);
});

test('a commit takes as many events as it can create the deliveries of, once it knows how many an event has', async () => {
  const sizes: number[] = [];
  const intake = new Intake({
    store: {
      accept: async (groups) => {
        sizes.push(groups.flat().length);
        return {
          groups: groups.map((group: readonly NewEvent[]) => ({
            // A request of a thousand gets its deliveries in steps, and says nothing about the others.
            receipts: group.map((event) => newReceipt(event, 7, 100, 0)),
          })),
          claimed: [],
          waiting: [],
          fanOuts: 0,
        };
      },
    },
    clock: still,
    sharing: new Sharing(still),
    ...aside,
  });
  const publish = (count: number, each: number) =>
    Promise.all(
      Array.from({ length: count }, () => intake.publish(Array.from({ length: each }, () => anEvent()))),
    );
  await publish(1, 1000);
  await publish(1000, 1);
  expect(sizes).toEqual([1000, 1000]);
  for (let n = 0; n < 30; n++) await publish(1, 1);
  sizes.length = 0;
  await publish(1000, 1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(41);
});

test('G1: where the store takes no events, publishers and the log hear why', async () => {
  const full = new UnavailableError('its disk is full');
  const heard: unknown[] = [];
  const intake = new Intake({
    store: { accept: () => Promise.reject(full) },
    clock: still,
    sharing: new Sharing(still),
    ...aside,
    health: { report: (_, isTaken, error) => void heard.push([isTaken, error?.message]) },
  });
  await expect(intake.publish([anEvent()])).rejects.toBe(full);
  expect(heard).toEqual([[false, 'its disk is full']]);
});
