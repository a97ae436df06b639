import { expect, test } from 'vitest';
import { BodyMemory } from './body-memory.ts';

test('G8: bodies take no more than the bound, a sender no more than its share, and what is freed can be taken again', () => {
  const memory = new BodyMemory(100, 70);
  const first = memory.reserve('a', 60)!;
  expect(memory.reserve('a', 20)).toBeNull();
  const second = memory.reserve('b', 40)!;
  expect(memory.reserve('c', 1)).toBeNull();
  first();
  // Twice is once.
  first();
  expect(memory.reserve('b', 31)).toBeNull();
  expect(memory.reserve('b', 30)).not.toBeNull();
  second();
  expect(memory.reserve('a', 70)).not.toBeNull();
  expect(memory.reserve('c', 1)).toBeNull();
});
