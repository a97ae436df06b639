import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from './number-set.ts';

test('it has what was added, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), fc.array(fc.maxSafeNat()), (added, others) => {
      const set = new NumberSet();
      const known = new Set<number>();
      for (const value of [0, ...added]) {
        expect(set.add(value)).toBe(!known.has(value));
        known.add(value);
      }
      expect(set.size).toBe(known.size);
      for (const value of [...added, ...others]) expect(set.has(value)).toBe(known.has(value));
    }),
  );
});

test('numbers of one shard, which lie 64 apart, are spread: a million of them are found', () => {
  const set = new NumberSet();
  for (let at = 0; at < 1_000_000; at++) set.add(at * 64 + 5);
  expect(set.size).toBe(1_000_000);
  expect(set.has(64 * 777_777 + 5)).toBe(true);
  expect(set.has(64 * 777_777 + 6)).toBe(false);
});
