import { expect, test } from 'vitest';
import { parseTime } from './time-argument.ts';

const now = Date.UTC(2026, 10, 25, 12, 30, 15);
const iso = (text: string, zone = 'UTC'): string | null => {
  const at = parseTime(text, now, zone);
  return at === null ? null : new Date(at).toISOString();
};

test.each([
  ['now', '2026-11-25T12:30:15.000Z'],
  ['90s', '2026-11-25T12:28:45.000Z'],
  ['2h', '2026-11-25T10:30:15.000Z'],
  ['2h ago', '2026-11-25T10:30:15.000Z'],
  ['3 d', '2026-11-22T12:30:15.000Z'],
  ['1w', '2026-11-18T12:30:15.000Z'],
  ['today', '2026-11-25T00:00:00.000Z'],
  ['yesterday', '2026-11-24T00:00:00.000Z'],
  ['yesterday 14:30', '2026-11-24T14:30:00.000Z'],
  ['9:05', '2026-11-25T09:05:00.000Z'],
  ['14:30:59.250', '2026-11-25T14:30:59.250Z'],
  ['2026-11-25', '2026-11-25T00:00:00.000Z'],
  ['2026-11-25 14:30', '2026-11-25T14:30:00.000Z'],
  ['2026-11-25T14:30:00Z', '2026-11-25T14:30:00.000Z'],
  ['2026-11-25T14:30:00+02:00', '2026-11-25T12:30:00.000Z'],
  ['2026-11-25T14:30:00.123456-0500', '2026-11-25T19:30:00.123Z'],
  ['2026-11-25 14:30 UTC', '2026-11-25T14:30:00.000Z'],
  ['2026-11-25 14:30 Europe/Berlin', '2026-11-25T13:30:00.000Z'],
  ['2026-07-01 Asia/Tokyo', '2026-06-30T15:00:00.000Z'],
])('%s is a time', (text, expected) => {
  expect(iso(text)).toBe(expected);
});

test('what names no zone is of the machine’s own, and the day begins there', () => {
  expect(iso('2026-11-25', 'America/New_York')).toBe('2026-11-25T05:00:00.000Z');
  // There it is still the 24th.
  expect(parseTime('today', Date.UTC(2026, 10, 25, 3), 'America/New_York')).toBe(Date.UTC(2026, 10, 24, 5));
  expect(iso('2026-11-25T14:30:00Z', 'America/New_York')).toBe('2026-11-25T14:30:00.000Z');
});

test('a time that a clock shows twice is the first, and one that it jumps over is moved on by the jump', () => {
  expect(iso('2026-10-25 02:30', 'Europe/Berlin')).toBe('2026-10-25T00:30:00.000Z');
  expect(iso('2026-03-29 02:30', 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z');
});

test.each([
  '',
  'tomorrow or so',
  '2026-02-31',
  '2026-13-01',
  '24:01',
  '12',
  '2026',
  '2026-11-25 Mars/Olympus',
  'Europe/Berlin',
  '-2h',
  '2y',
  '2026-11-25T',
])('%j is none', (text) => {
  expect(iso(text)).toBeNull();
});
