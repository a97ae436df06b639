import { expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs, secondMs } from '../domain/time.ts';
import { nodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Rebase } from '../store/clockwork.ts';
import type { StorePart } from '../store/store.ts';
import { Timekeeper } from './timekeeper.ts';

const start = Date.UTC(2026, 0, 1);
const quiet = (): void => {};
const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Nodes beside each other on one store, whose clock counts; time passes where a test says so. */
function world() {
  let passed = 0;
  let wrong = 0;
  let text: string | null = null;
  const rebases: Rebase[] = [];
  /** What happens before the store answers the next question. */
  let meanwhile = quiet;
  const store: StorePart<'saveClock', 'clock'> = {
    read: {
      clock: async () => {
        const answer = { text, newestStamp: null, bounds: { events: 1, deliveries: 640 } };
        meanwhile();
        meanwhile = quiet;
        return answer;
      },
    },
    write: {
      saveClock: async (change) => {
        if (change.expected !== text) return false;
        text = change.text;
        if (change.rebase !== null) rebases.push(change.rebase);
        return true;
      },
    },
  };
  const storeNow = (): number => start + passed + wrong;
  const node = async (isCoordinator: boolean) => {
    const clock = nodeClock({ now: () => start + passed, monotonic: () => passed, after: () => quiet });
    clock.setTime(storeNow());
    const timekeeper = new Timekeeper({
      store,
      clock,
      logger,
      shared: true,
      shards: { isCoordinator, isAlone: false },
      listener: { jumped: () => {}, rowsMoved: async () => {} },
    });
    await timekeeper.start();
    return { clock, heartbeat: () => timekeeper.compare(storeNow()) };
  };
  return {
    node,
    storeNow,
    rebases,
    leap: (byMs: number) => void (wrong += byMs),
    pass: (ms: number) => void (passed += ms),
    freezeInNextCall: (ms: number) => void (meanwhile = () => void (passed += ms)),
  };
}

type Beats = { readonly heartbeat: () => Promise<void> };

async function live(
  { pass }: Pick<ReturnType<typeof world>, 'pass'>,
  ms: number,
  ...nodes: Beats[]
): Promise<void> {
  for (let gone = 0; gone < ms; gone += secondMs) {
    pass(secondMs);
    for (const node of nodes) await node.heartbeat();
  }
}

test('G2: what a node has written that saw a step back minutes after the others is looked at again', async () => {
  const one = world();
  const coordinator = await one.node(true);
  const frozen = await one.node(false);
  await live(one, 10 * secondMs, coordinator, frozen);
  one.leap(-5 * hourMs);
  await live(one, 10 * minuteMs, coordinator);
  // The step, and the look two minutes later.
  expect(one.rebases.map(({ beyondMs }) => beyondMs)).toEqual([undefined, 5 * hourMs - 7 * minuteMs]);
  await live(one, 3 * minuteMs, coordinator, frozen);
  expect(one.rebases).toHaveLength(3);
  expect(one.rebases[2]!.byMs).toBeCloseTo(-5 * hourMs, -4);
  expect(one.rebases[2]!.beyondMs).toBeGreaterThan(4 * hourMs);
});

test('G2: nodes that see a step back together have rows looked at once', async () => {
  const one = world();
  const nodes = [await one.node(true), await one.node(false), await one.node(false)];
  await live(one, 10 * secondMs, ...nodes);
  one.leap(-5 * hourMs);
  await live(one, 6 * minuteMs, ...nodes);
  expect(one.rebases).toHaveLength(2);
});

test('G7: a node that was frozen while it compared takes no reading of before for a jump', async () => {
  const one = world();
  const coordinator = await one.node(true);
  const other = await one.node(false);
  await live(one, 10 * secondMs, coordinator, other);
  one.pass(secondMs);
  // It has read a clock that has just leapt by ten seconds, and is frozen until the store's answer is taken.
  one.leap(10 * secondMs);
  one.freezeInNextCall(22 * secondMs);
  await coordinator.heartbeat();
  expect(one.rebases).toEqual([]);
  await live(one, 10 * secondMs, coordinator, other);
  expect(one.rebases.map(({ byMs }) => Math.round(byMs / secondMs))).toEqual([10]);
});

test('G5: what another node has stamped after a step back is not given up as too old by one that has not seen it', async () => {
  const one = world();
  const coordinator = await one.node(true);
  const late = await one.node(false);
  await live(one, 10 * secondMs, coordinator, late);
  one.leap(-400 * dayMs);
  await coordinator.heartbeat();
  expect(late.clock.ageOf(641, one.storeNow())).toBeLessThan(10 * secondMs);
  await live(one, 10 * secondMs, coordinator, late);
  one.pass(secondMs);
  expect(late.clock.ageOf(641, one.storeNow() - secondMs)).toBe(secondMs);
});
