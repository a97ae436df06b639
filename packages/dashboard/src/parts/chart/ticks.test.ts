import { expect, test } from 'vitest';
import { linearTicks, logTicks, timeTicks } from './ticks.ts';

test('linear ticks begin at 0, are round, and count whole things', () => {
  expect(linearTicks(0.0034, 'share').map(({ text }) => text)).toEqual(['0%', '0.1%', '0.2%', '0.3%']);
  expect(linearTicks(3, 'count').map(({ at }) => at)).toEqual([0, 1, 2, 3]);
  expect(linearTicks(0, 'count')).toHaveLength(1);
});

test('ticks of a logarithmic axis are powers of ten', () => {
  expect(logTicks(5, 2000).map(({ text }) => text)).toEqual(['10 ms', '100 ms', '1 s']);
});

test('ticks of time lie on round steps', () => {
  const at = Date.parse('2026-11-24T00:00:00Z');
  const ticks = timeTicks(at - 30 * 86_400_000, at, 6, 'utc', at);
  expect(ticks.length).toBeLessThanOrEqual(6);
  expect(ticks.every((tick) => tick.at % 86_400_000 === 0)).toBe(true);
  expect(timeTicks(at, at + 3_600_000, 5, 'utc', at).map(({ text }) => text)).toEqual([
    '00:00',
    '00:15',
    '00:30',
    '00:45',
    '01:00',
  ]);
});
