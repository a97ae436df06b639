import { expect, test } from 'vitest';
import { holesIn } from './id-counters.ts';

test('ids that count up show how many have no line', () => {
  const ids = Array.from(
    { length: 300 },
    (_, index) => `evt_26${String(index).padStart(6, '0')}5eb9${index % 10}5`,
  );
  expect(holesIn(ids)).toEqual({ missing: 0, share: 0, isDense: true });
  expect(holesIn(ids.filter((_, index) => index % 10 !== 7))!.share).toBeGreaterThan(0.08);
  expect(holesIn(ids.map((_, index) => `evt_${(index * 7919) % 99991}`))).toBeNull();
});

test('counters in base 36 and 16 are counters too, and numbers of a known gap are not missing', () => {
  for (const radix of [36, 16]) {
    const ids = Array.from({ length: 300 }, (_, n) => `evt_9_${(n + 40).toString(radix).padStart(5, '0')}`);
    expect(holesIn(ids)).toEqual({ missing: 0, share: 0, isDense: true });
    expect(holesIn(ids.filter((_, n) => n % 10 !== 7))!.share).toBeGreaterThan(0.08);
  }
  const gap = Array.from({ length: 300 }, (_, n) => `evt_${n < 150 ? n : n + 40}`);
  expect(holesIn(gap)!.missing).toBe(40);
  expect(holesIn(gap, new Set([150]))).toEqual({ missing: 0, share: 0, isDense: true });
  const sampled = holesIn(Array.from({ length: 300 }, (_, n) => `evt_${n * 10 + (n % 7)}`))!;
  expect([sampled.isDense, sampled.share > 0.85]).toEqual([false, true]);
  // Milliseconds are not a counter.
  expect(holesIn(Array.from({ length: 300 }, (_, n) => `evt_${1_795_168_860_000 + n * 3}`))).toBeNull();
});
