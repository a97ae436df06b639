import { expect, test } from 'vitest';
import { moved, rangeOf } from './selection.ts';

test('keys move the cursor within the chart', () => {
  expect([moved('ArrowRight', null, 3), moved('ArrowRight', 2, 3), moved('ArrowLeft', null, 3)]).toEqual([
    0, 2, 2,
  ]);
  expect([moved('ArrowLeft', 0, 3), moved('Home', 2, 3), moved('End', null, 3)]).toEqual([0, 0, 2]);
  expect([moved('x', 1, 3), moved('End', null, 0)]).toEqual([null, null]);
});

test('a selection goes from the earlier to the later place, and one place is none', () => {
  expect(rangeOf({ from: 4, to: 2 })).toEqual([2, 4]);
  expect(rangeOf({ from: 2, to: 4 })).toEqual([2, 4]);
  expect(rangeOf({ from: 2, to: 2 })).toBeNull();
  expect(rangeOf(null)).toBeNull();
});
