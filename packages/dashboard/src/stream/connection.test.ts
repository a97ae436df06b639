import { expect, test } from 'vitest';
import { presentUntil, waitMs } from './connection.ts';

test('the server is asked again within a second at first, and twice a minute at last', () => {
  expect([1, 4, 8].map((tries) => waitMs(tries, 1))).toEqual([1000, 1000, 1000]);
  expect(waitMs(1, 0)).toBe(750);
  expect([9, 10, 11, 12, 13, 99].map((tries) => waitMs(tries, 1))).toEqual([
    2000, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
});

test('a server is away from the end of its stream on, or from when it was heard last if that is long ago', () => {
  expect(presentUntil(1000, 16_000)).toBe(16_000);
  expect(presentUntil(1000, 21_001)).toBe(1000);
});
