import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { repeat } from './repeat.ts';
import { nextTurn } from './turn.ts';

/** Work whose runs end when the test says so. */
function aLoop() {
  const clock = aClock();
  const runs: ((answer: number | void | Error) => Promise<void>)[] = [];
  const errors: string[] = [];
  const loop = repeat(
    clock,
    () =>
      new Promise((resolve, reject) =>
        runs.push(async (answer) => {
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
          await nextTurn();
        }),
      ),
    { everyMs: 100, firstMs: 10, onError: ({ message }) => errors.push(message) },
  );
  return { clock, loop, runs, errors };
}

test('the next run comes `everyMs` after the one before has ended, or after as long as that one said', async () => {
  const { clock, runs } = aLoop();
  clock.pass(9);
  expect(runs).toHaveLength(0);
  clock.pass(1);
  expect(runs).toHaveLength(1);
  clock.pass(1000);
  expect(runs).toHaveLength(1);
  await runs[0]!();
  clock.pass(99);
  expect(runs).toHaveLength(1);
  clock.pass(1);
  expect(runs).toHaveLength(2);
  await runs[1]!(20);
  clock.pass(20);
  expect(runs).toHaveLength(3);
});

test('a failure is reported, and the next run comes in its time', async () => {
  const { clock, runs, errors } = aLoop();
  clock.pass(10);
  await runs[0]!(new Error('away'));
  expect(errors).toEqual(['away']);
  clock.pass(100);
  expect(runs).toHaveLength(2);
});

test('now runs at once, unless a run is under way', async () => {
  const { clock, loop, runs } = aLoop();
  loop.now();
  loop.now();
  expect(runs).toHaveLength(1);
  await runs[0]!();
  clock.pass(10);
  expect(runs).toHaveLength(1);
  clock.pass(90);
  expect(runs).toHaveLength(2);
});

test('a stop waits for the run under way, and begins no other', async () => {
  const { clock, loop, runs } = aLoop();
  clock.pass(10);
  let hasStopped = false;
  const stopping = loop.stop().then(() => (hasStopped = true));
  await nextTurn();
  expect(hasStopped).toBe(false);
  await runs[0]!();
  await stopping;
  loop.now();
  clock.pass(1000);
  expect(runs).toHaveLength(1);
});
