import { expect, test } from 'vitest';
import { durationText, fullTimeText, relativeText, timeText } from './time.ts';

const now = Date.parse('2026-11-24T12:00:00Z');

test('a time of today is without a date, one of another year has it whole', () => {
  expect(timeText(Date.parse('2026-11-24T09:41:07.204Z'), 'utc', 'second', now)).toBe('09:41:07');
  expect(timeText(Date.parse('2026-11-24T09:41:07.204Z'), 'utc', 'millisecond', now)).toBe('09:41:07.204');
  expect(timeText(Date.parse('2026-11-23T09:41:07Z'), 'utc', 'minute', now)).toBe('23 Nov, 09:41');
  expect(timeText(Date.parse('2025-11-23T09:41:07Z'), 'utc', 'day', now)).toBe('23 Nov 2025');
  expect(fullTimeText(now, 'utc')).toBe('24 Nov 2026, 12:00:00 UTC');
});

test('lengths of time have two units at most', () => {
  expect([184, 1500, 15_000, 162_000, 11_520_000, 3_600_000, 8 * 86_400_000].map(durationText)).toEqual([
    '184 ms',
    '1.5 s',
    '15 s',
    '2 min 42 s',
    '3 h 12 min',
    '1 h',
    '8 d',
  ]);
});

test('relative times', () => {
  expect(
    [now - 12_000, now + 41_500, now - 500, now - 2 * 86_400_000].map((ms) => relativeText(ms, now)),
  ).toEqual(['12 s ago', 'in 41 s', 'now', '2 d ago']);
});
