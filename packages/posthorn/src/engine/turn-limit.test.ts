import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { TurnLimit } from './turn-limit.ts';

test('G8: a turn is full after so many, or after so long, and the next one begins empty', () => {
  const clock = aClock();
  let turns = 0;
  const limit = new TurnLimit(
    clock,
    () => ({ count: 3, ms: 2, share: 1 }),
    () => turns++,
  );
  for (let n = 0; n < 3; n++) {
    expect(limit.isFull).toBe(false);
    limit.count('a');
  }
  expect(limit.isFull).toBe(true);
  clock.pass(5);
  expect(turns).toBe(1);
  // However slow the machine is, one begins.
  expect(limit.isFull).toBe(false);
  limit.count('a');
  expect(limit.isFull).toBe(false);
});

test('G8: the first of a slow turn is its last', () => {
  const clock = aClock();
  let mono = 0;
  const limit = new TurnLimit(
    { ...clock, monotonic: () => mono },
    () => ({ count: 100, ms: 2, share: 1 }),
    () => {},
  );
  limit.count('a');
  mono = 1;
  expect(limit.isFull).toBe(false);
  mono = 2;
  expect(limit.isFull).toBe(true);
});

test('G8: one tenant uses its share of a turn; the rest is for tenants of which nothing has begun in it', () => {
  const clock = aClock();
  let mono = 0;
  const limit = new TurnLimit(
    { ...clock, monotonic: () => mono },
    () => ({ count: 4, ms: 2, share: 0.5 }),
    () => {},
  );
  limit.count('flood');
  expect(limit.isFullFor('flood')).toBe(false);
  limit.count('flood');
  expect([limit.isFullFor('flood'), limit.isFullFor('other'), limit.isFull]).toEqual([true, false, false]);
  limit.count('other');
  expect([limit.isFullFor('other'), limit.isFullFor('third')]).toEqual([true, false]);
  limit.count('third');
  expect([limit.isFullFor('fourth'), limit.isFull]).toEqual([true, true]);
  clock.pass(1);
  // The same by time.
  limit.count('flood');
  mono = 1;
  expect([limit.isFullFor('flood'), limit.isFullFor('other')]).toEqual([true, false]);
  mono = 2;
  expect(limit.isFullFor('other')).toBe(true);
});
