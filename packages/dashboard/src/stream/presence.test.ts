import { expect, test } from 'vitest';
import { presentUntil } from './presence.ts';

test('a server is away from the end of its stream on, or from when it was heard last if that is long ago', () => {
  expect(presentUntil(1000, 16_000)).toBe(16_000);
  expect(presentUntil(1000, 21_001)).toBe(1000);
});
