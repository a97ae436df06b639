import { expect, test } from 'vitest';
import { duration, listed, moment, percent } from './words.ts';

test('durations have the unit that is read easily', () => {
  const minute = 60_000;
  expect([400, 41_000, 18 * minute, 192 * minute, 180 * minute, 51 * 60 * minute].map(duration)).toEqual([
    'less than 1 s',
    '41 s',
    '18 min',
    '3 h 12 min',
    '3 h',
    '2 d 3 h',
  ]);
});

test('moments name the day where it is not today', () => {
  const now = Date.UTC(2026, 10, 24, 9);
  const hours = (count: number): number => now + count * 3_600_000;
  expect([hours(4), hours(24), hours(-24), hours(96)].map((time) => moment(time, now))).toEqual([
    '13:00 UTC',
    'tomorrow 09:00 UTC',
    'yesterday 09:00 UTC',
    '28 Nov 09:00 UTC',
  ]);
});

test('percentages do not round up to all', () => {
  expect([1, 0, 0.99996, 0.999, 0.5, 0.0031].map(percent)).toEqual([
    '100%',
    '0%',
    '99.996%',
    '99.9%',
    '50%',
    '0.31%',
  ]);
});

test('long lists are cut short', () => {
  expect(listed(['a'])).toBe('a');
  expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
  expect(listed(['a', 'b', 'c', 'd'])).toBe('a, b and 2 more');
});
