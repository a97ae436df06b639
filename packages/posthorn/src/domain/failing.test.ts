import { describe, expect, test } from 'vitest';
import { afterFailure, disablesAt, type Failing, isTooLong, minFailures } from './failing.ts';

const failed = (times: readonly number[]): Failing =>
  times.reduce<Failing | null>((failing, at) => afterFailure(failing, at), null)!;

describe('an endpoint that has only failed', () => {
  test('counts from its first failure, and no further than is of use', () => {
    expect(failed([100, 200, 300])).toEqual({ since: 100, count: 3 });
    const full = failed(Array.from({ length: minFailures }, (_, n) => n));
    expect(afterFailure(full, 1e9)).toBe(full);
  });

  test('is disabled by a failure after long enough, and enough of them', () => {
    const endpoint = { disableAfterMs: 1000 };
    const failing = { since: 500, count: minFailures };
    expect(isTooLong(endpoint, failing, 1499)).toBe(false);
    expect(isTooLong(endpoint, failing, 1500)).toBe(true);
    expect(isTooLong(endpoint, { ...failing, count: minFailures - 1 }, 1e9)).toBe(false);
    expect(isTooLong({ disableAfterMs: null }, failing, 1e12)).toBe(false);
    expect(disablesAt(endpoint, 500)).toBe(1500);
    expect(disablesAt(endpoint, null)).toBeNull();
  });
});
