import { expect, test } from 'vitest';
import { countText, percent, plural, shortCount, upperBoundOfNone } from './number.ts';

test('a percentage is never rounded up to all, nor down to nothing', () => {
  expect([0, 1, 0.9994, 0.999999, 0.0027, 0.00004, 0.5, 0.123].map(percent)).toEqual([
    '0%',
    '100%',
    '99.94%',
    '99.9999%',
    '0.27%',
    '0.004%',
    '50%',
    '12.3%',
  ]);
  for (const nines of [3, 4, 5, 6, 7]) expect(percent(1 - 10 ** -nines)).not.toBe('100%');
});

test('counts are exact up to 9,999,999', () => {
  expect([countText(1_284_093), shortCount(9_999_999), shortCount(12_400_000)]).toEqual([
    '1,284,093',
    '9,999,999',
    '12.4M',
  ]);
  expect([
    plural(1, 'delivery', 'deliveries'),
    plural(2, 'delivery', 'deliveries'),
    plural(0, 'event'),
  ]).toEqual(['1 delivery', '2 deliveries', '0 events']);
});

test('of none there is an upper bound', () => {
  expect(percent(upperBoundOfNone(1_284_093))).toBe('0.00023%');
  expect(upperBoundOfNone(1)).toBe(1);
});
