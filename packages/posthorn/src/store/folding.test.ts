import { expect, test } from 'vitest';
import { addLatencies } from './folding.ts';

test('histograms of hours and days are added up by bucket, as each database writes them', () => {
  const hours = [
    ['[3,20,3]', '[1,2,4]'],
    ['[0]', '[7]'],
  ] as const;
  const days = ['[{"20":16,"0":4},{},{"127":1234567890123}]', '[{"3": 1, "20": 5}, {"20": 1}]', '[]'];
  expect(addLatencies(hours, days)).toEqual([
    { bucket: 0, count: 11 },
    { bucket: 3, count: 6 },
    { bucket: 20, count: 24 },
    { bucket: 127, count: 1234567890123 },
  ]);
  expect(addLatencies([], [])).toEqual([]);
});
