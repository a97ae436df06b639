import { expect, test } from 'vitest';
import { type Clock, nodeClock } from '../runtime/clock.ts';
import type { ClockChange } from '../store/clockwork.ts';
import { Timekeeper } from './timekeeper.ts';

const start = Date.UTC(2026, 0, 1);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A node on a shared store, whose heartheartbeats come when the test says so. */
async function aNode(shared = true) {
  let passed = 0;
  const clock: Clock = { now: () => start + passed, monotonic: () => passed, after: () => () => {} };
  let text: string | null = null;
  const timekeeper = new Timekeeper({
    store: {
      read: { clock: async () => ({ text, newestStamp: null, bounds: { events: 1, deliveries: 1 } }) },
      write: {
        saveClock: async (change: ClockChange) => {
          text = change.text;
          return true;
        },
      },
    },
    clock: nodeClock(clock),
    logger: silent,
    shared,
    shards: { isCoordinator: true, isAlone: true },
    listener: { jumped: () => {}, rowsMoved: async () => {} },
  });
  const heartbeat = async (wrongMs = 0): Promise<void> => await timekeeper.compare(start + passed + wrongMs);
  if (shared) await heartbeat();
  await timekeeper.start();
  return { timekeeper, heartbeat, pass: (ms: number) => void (passed += ms) };
}

test('G3: a node that has thawed claims nothing until a heartheartbeat has told it the time', async () => {
  const { timekeeper, heartbeat, pass } = await aNode();
  expect(timekeeper.mayClaim).toBe(true);
  pass(1000);
  await heartbeat();
  expect(timekeeper.mayClaim).toBe(true);
  pass(30_000);
  expect(timekeeper.mayClaim).toBe(false);
  pass(500);
  expect(timekeeper.mayClaim).toBe(false);
  await heartbeat(-5 * 3_600_000);
  pass(5000);
  await heartbeat(-5 * 3_600_000);
  expect(timekeeper.mayClaim).toBe(true);
});

test('G2: where heartheartbeats stay away a node claims all the same, after a while', async () => {
  const { timekeeper, heartbeat, pass } = await aNode();
  pass(30_000);
  expect(timekeeper.mayClaim).toBe(false);
  pass(5000);
  expect(timekeeper.mayClaim).toBe(true);
  pass(60_000);
  expect(timekeeper.mayClaim).toBe(true);
  // The next time it waits again.
  await heartbeat();
  expect(timekeeper.mayClaim).toBe(true);
  pass(30_000);
  expect(timekeeper.mayClaim).toBe(false);
});

test('a node with a store of its own never waits', async () => {
  const { timekeeper, pass } = await aNode(false);
  pass(86_400_000);
  expect(timekeeper.mayClaim).toBe(true);
});
