import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { TurnLimit } from './turn-limit.ts';

test('G8: a turn is full after so many, or after so long, and the next one begins empty', () => {
  const clock = aClock();
  let turns = 0;
  const limit = new TurnLimit(
    clock,
    () => ({ count: 3, ms: 2 }),
    () => turns++,
  );
  for (let n = 0; n < 3; n++) {
    expect(limit.isFull).toBe(false);
    limit.count();
  }
  expect(limit.isFull).toBe(true);
  clock.pass(5);
  expect(turns).toBe(1);
  // However slow the machine is, one begins.
  expect(limit.isFull).toBe(false);
  limit.count();
  expect(limit.isFull).toBe(false);
});

test('G8: the first of a slow turn is its last', () => {
  const clock = aClock();
  let mono = 0;
  const limit = new TurnLimit(
    { ...clock, monotonic: () => mono },
    () => ({ count: 100, ms: 2 }),
    () => {},
  );
  limit.count();
  mono = 1;
  expect(limit.isFull).toBe(false);
  mono = 2;
  expect(limit.isFull).toBe(true);
});
