import { expect, test } from 'vitest';
import { waitMs } from './connection.ts';

test('the server is asked again within a second at first, and twice a minute at last', () => {
  expect([1, 4, 8].map((tries) => waitMs(tries, 1))).toEqual([1000, 1000, 1000]);
  expect(waitMs(1, 0)).toBe(750);
  expect([9, 10, 11, 12, 13, 99].map((tries) => waitMs(tries, 1))).toEqual([
    2000, 4000, 8000, 16_000, 30_000, 30_000,
  ]);
});
