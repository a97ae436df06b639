import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Contact, mergedContact, noContact } from './contact.ts';

const later = 1000;
const success = (at: number): Contact => ({ ...noContact, lastSuccessAt: at });
const failures = (since: number, at: number, count: number, before: number | null = null): Contact => ({
  lastSuccessAt: before,
  lastFailureAt: at,
  failedSince: since,
  failuresInARow: count,
  lastErrorClass: 'timeout',
  lastStatusCode: null,
});

test('failures go on over a restart, and end with the next success', () => {
  const stored = failures(10, 20, 4, 5);
  const seen = failures(30, 40, 2);
  expect(mergedContact(stored, seen, later)).toEqual(failures(10, 40, 4, 5));
  expect(mergedContact(stored, success(50), later)).toMatchObject({
    lastSuccessAt: 50,
    lastFailureAt: 20,
    failedSince: null,
    failuresInARow: 0,
  });
});

test('of failures around the success of another node only the last one counts', () => {
  expect(mergedContact(success(15), failures(10, 20, 7), later)).toMatchObject({
    lastSuccessAt: 15,
    failedSince: 20,
    failuresInARow: 1,
  });
});

test('times that lie in the future are forgotten', () => {
  expect(mergedContact(success(later + 1), failures(10, 20, 3), later)).toEqual(failures(10, 20, 3));
  expect(mergedContact(failures(10, later + 1, 3, 5), noContact, later)).toEqual(success(5));
});

test('two sides come to the same in both orders', () => {
  const time = fc.integer({ min: 1, max: 50 });
  const side = fc
    .record({
      success: fc.option(time),
      failure: fc.option(time),
      back: fc.nat(10),
      count: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ success: lastSuccessAt, failure, back, count }): Contact => {
      const isFailing = failure !== null && (lastSuccessAt === null || failure > lastSuccessAt);
      return {
        lastSuccessAt,
        lastFailureAt: failure,
        failedSince: isFailing ? Math.max((lastSuccessAt ?? 0) + 1, failure - back) : null,
        failuresInARow: isFailing ? count : 0,
        lastErrorClass: null,
        lastStatusCode: null,
      };
    });
  fc.assert(
    fc.property(side, side, (a, b) => {
      const merged = mergedContact(a, b, later);
      expect(mergedContact(b, a, later)).toEqual(merged);
      expect(merged.failedSince === null).toBe(merged.failuresInARow === 0);
      if (merged.failedSince !== null) expect(merged.failedSince).toBeGreaterThan(merged.lastSuccessAt ?? 0);
    }),
  );
});
