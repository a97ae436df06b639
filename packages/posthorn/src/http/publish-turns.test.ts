import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { PublishTurns } from './publish-turns.ts';

const kib = 1024;
const flood = { tenant: 'flood', id: 'a' };
const other = { tenant: 'other', id: 'b' };

/** Turns while two tenants publish. */
function shared() {
  const clock = aClock();
  const busy = { share: 0 };
  const turns = new PublishTurns(clock, () => busy.share);
  turns.begin(flood, 1).end();
  turns.begin(other, 1).end();
  return { clock, turns, busy };
}
const isSettled = (promise: Promise<void>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]);

test('G8: while others publish, a tenant has one large batch at a time, and they do not wait for it', async () => {
  const { turns } = shared();
  const first = turns.begin(flood, 170 * kib);
  const second = turns.begin(flood, 170 * kib);
  const small = turns.begin(flood, 1 * kib);
  expect(first.turn).toBeNull();
  expect(turns.begin(other, 1 * kib).turn).toBeNull();
  // A small one does not overtake: else small ones would keep large ones out.
  expect(await isSettled(small.turn!)).toBe(false);
  first.end();
  expect(await isSettled(second.turn!)).toBe(true);
  expect(await isSettled(small.turn!)).toBe(false);
  second.end();
  expect(await isSettled(small.turn!)).toBe(true);
});

test('a body larger than the limit has its turn too, and one whose connection ends gives its place away', async () => {
  const { turns } = shared();
  const first = turns.begin(flood, 9000 * kib);
  const second = turns.begin(flood, 9000 * kib);
  const third = turns.begin(flood, 9000 * kib);
  second.end();
  expect(await isSettled(second.turn!)).toBe(true);
  expect(await isSettled(third.turn!)).toBe(false);
  first.end();
  expect(await isSettled(third.turn!)).toBe(true);
  third.end();
  expect(turns.begin(flood, 9000 * kib).turn).toBeNull();
});

test('a tenant alone is not limited, nor is one whose neighbors are quiet again', () => {
  const { clock, turns } = shared();
  turns.begin(flood, 170 * kib);
  expect(turns.begin(flood, 170 * kib).turn).not.toBeNull();
  clock.pass(1001);
  for (let n = 0; n < 10; n++) expect(turns.begin(flood, 170 * kib).turn).toBeNull();
});

test('G8: a tenant that publishes far more than all others together waits as long as the thread is too busy', async () => {
  const { clock, turns, busy } = shared();
  const flooding = (): Promise<void> | null => {
    const { turn, end } = turns.begin(flood, 10 * kib);
    if (turn === null) end();
    return turn;
  };
  busy.share = 0.9;
  // 10 KiB every 5 ms, until the first window is over.
  for (let n = 0; n < 11; n++) {
    expect(flooding()).toBeNull();
    turns.begin(other, 1).end();
    clock.pass(5);
  }
  expect(flooding()).toBeNull();
  const next = flooding()!;
  expect(next).not.toBeNull();
  // Five ninths of its rate are left to it: 9 ms for each, of which it has saved 5.
  clock.pass(3);
  expect(await isSettled(next)).toBe(false);
  expect(turns.begin(other, 1).turn).toBeNull();
  clock.pass(1);
  expect(await isSettled(next)).toBe(true);
});

test.each([
  [10, 10],
  [12, 8],
  [8, 12],
])('tenants of similar size (%i and %i KiB) are not slowed down however busy the thread is', (one, two) => {
  const { clock, turns, busy } = shared();
  busy.share = 1;
  for (let n = 0; n < 50; n++) {
    for (const [tenant, size] of [
      [flood, one],
      [other, two],
    ] as const) {
      const { turn, end } = turns.begin(tenant, size * kib);
      expect(turn).toBeNull();
      end();
    }
    clock.pass(5);
  }
});

/** How many batches of 40 ms of work a flood on two connections begins within two seconds. */
async function batchesBegun(others: readonly (typeof flood)[]): Promise<number> {
  const clock = aClock();
  let worked = 0;
  let seen = { worked: 0, at: 0 };
  const turns = new PublishTurns(clock, () => {
    const share = (worked - seen.worked) / (clock.monotonic() - seen.at);
    seen = { worked, at: clock.monotonic() };
    return Math.min(1, share);
  });
  let begun = 0;
  let isBusy = false;
  const publish = async (): Promise<void> => {
    for (;;) {
      const { turn, end } = turns.begin(flood, 340 * kib);
      if (turn !== null) await turn;
      // The thread has one at a time.
      while (isBusy) await new Promise<void>((resolve) => clock.after(1, resolve));
      isBusy = true;
      begun++;
      await new Promise<void>((resolve) => clock.after(40, resolve));
      worked += 40;
      isBusy = false;
      end();
    }
  };
  for (let n = 0; n < 2; n++) void publish();
  for (let ms = 0; ms < 3000; ms++) {
    if (ms === 1000) begun = 0;
    if (ms % 5 === 0 && others.length > 0) turns.begin(others[(ms / 5) % others.length]!, 1 * kib).end();
    clock.pass(1);
    for (let n = 0; n < 5; n++) await Promise.resolve();
  }
  return begun;
}

test('G8: a flood of large batches leaves half of the thread to others, though it has none in most windows, and has all of it alone', async () => {
  const paced = await batchesBegun([other, { tenant: 'third', id: 'c' }]);
  expect(paced).toBeGreaterThan(20);
  expect(paced).toBeLessThanOrEqual(26);
  expect(await batchesBegun([])).toBeGreaterThan(45);
});
