import { describe, expect, test } from 'vitest';
import { ApiError } from './errors.ts';
import { retryAfterS, waitBeforeRetry } from './retries.ts';

const get = { method: 'GET', hasKey: false, tries: 1, maxTries: 3 };
const post = { ...get, method: 'POST' };

describe('what is sent again', () => {
  test.each([
    [new ApiError(0, 'unreachable', ''), get, true],
    [new ApiError(0, 'cut', ''), { ...get, method: 'DELETE' }, true],
    [new ApiError(0, 'timeout', ''), { ...get, method: 'PUT' }, true],
    [new ApiError(0, 'aborted', ''), get, false],
    [new ApiError(503, 'unavailable', ''), get, true],
    [new ApiError(429, 'garbled', ''), get, true],
    [new ApiError(500, 'internal', ''), get, false],
    [new ApiError(404, 'not_found', ''), get, false],
    [new ApiError(200, 'garbled', ''), get, false],
    // Without a key a second POST could be a second effect.
    [new ApiError(503, 'unavailable', ''), post, false],
    [new ApiError(0, 'cut', ''), { ...post, method: 'PATCH' }, false],
    [new ApiError(0, 'cut', ''), { ...post, hasKey: true }, true],
    [new ApiError(409, 'idempotency_in_progress', ''), { ...post, hasKey: true }, true],
    [new ApiError(409, 'idempotency_conflict', ''), { ...post, hasKey: true }, false],
    [new ApiError(503, 'unavailable', ''), { ...get, tries: 3 }, false],
  ])('%s with %j: %s', (error, state, again) => {
    expect(waitBeforeRetry(error, state, 0.5) !== null).toBe(again);
  });

  test('waits grow, differ, and obey Retry-After up to a bound', () => {
    const error = (s: number | null) => new ApiError(503, 'unavailable', '', { retryAfterS: s });
    const wait = (s: number | null, tries: number, chance: number) =>
      waitBeforeRetry(error(s), { ...get, tries, maxTries: 100 }, chance);
    expect([wait(null, 1, 0), wait(null, 1, 1), wait(null, 3, 1), wait(null, 50, 1)]).toEqual([
      125, 250, 1000, 20_000,
    ]);
    expect(wait(7, 1, 0)).toBe(7000);
    expect(wait(7, 1, 1)).toBeGreaterThan(7000);
    // Who asks for more patience gets the error, which says how much.
    expect(wait(21, 1, 0)).toBeNull();
  });
});

test.each([
  [null, null],
  ['5', 5],
  [' 5 ', 5],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 50],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ['Thursday, 01-Jan-70 00:01:00 GMT', 50],
  ['Thu Jan  1 00:01:00 1970', 50],
  ['soon', null],
  ['-1', null],
  ['99999999999', null],
])('Retry-After %j is %j s', (header, expected) => {
  expect(retryAfterS(header, 10_000)).toBe(expected);
});
