import { expect, test } from 'vitest';
import { firstClockRecord } from '../domain/clock-record.ts';
import { dayMs, secondMs } from '../domain/time.ts';
import { nodeClock } from './clock.ts';

const start = Date.UTC(2026, 0, 1);

function aClock() {
  let passed = 0;
  const clock = nodeClock({ now: () => start + passed, monotonic: () => passed, after: () => () => {} });
  clock.setTime(start);
  clock.believe(firstClockRecord(start));
  return { clock, pass: (ms: number) => void (passed += ms) };
}

test('G5: a delivery is not older than what this node has seen of its number, whatever another node has stamped it with', () => {
  const { clock, pass } = aClock();
  clock.knowYounger(640, clock.monotonic());
  pass(3 * secondMs);
  // Another node has seen the clock step back by 400 days, and accepted it.
  expect(clock.ageOf(641, start - 400 * dayMs)).toBe(3 * secondMs);
  expect(clock.ageOf(640, start + 2 * secondMs)).toBe(secondMs);
  expect(clock.ageOf(640, start + 5 * secondMs)).toBe(0);
  // What was there before is as old as it says.
  expect(clock.ageOf(639, start - 400 * dayMs)).toBe(400 * dayMs + 3 * secondMs);
});
