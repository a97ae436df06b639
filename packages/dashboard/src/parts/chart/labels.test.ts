import { expect, test } from 'vitest';
import { apart, withRoom } from './labels.ts';

test('of words that would run into one another the last stays', () => {
  const words = [
    { from: 0, to: 40 },
    { from: 30, to: 70 },
    { from: 74, to: 90 },
  ];
  expect(withRoom(words, 4)).toEqual([false, true, true]);
  expect(withRoom(words.slice(0, 2), 4)).toEqual([false, true]);
  expect(withRoom([], 4)).toEqual([]);
});

test('names of lines that end together stand beneath each other', () => {
  expect(apart([10, 10, 12, 60], 14)).toEqual([10, 24, 38, 60]);
  expect(apart([60, 10], 14)).toEqual([60, 10]);
});
