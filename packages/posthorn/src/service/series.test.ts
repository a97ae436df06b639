import { describe, expect, test } from 'vitest';
import { minuteMs, dayMs, hourMs, iso } from '../domain/time.ts';
import type { CountsRow } from '../store/series.ts';
import { inTimePoint, seriesPoints } from './series-points.ts';
import { seriesWindow } from './series.ts';

const now = Date.parse('2026-11-25T10:30:00Z');

const windowOf = (fields: Partial<Parameters<typeof seriesWindow>[0]>): [string, string, string] => {
  const { since, until, step } = seriesWindow(
    { measure: 'counts', step: 'auto', since: undefined, until: undefined, ...fields },
    now,
  );
  return [step, iso(since).slice(5, 16), iso(until).slice(5, 16)];
};
const ago = (ms: number): string => iso(now - ms);

describe('the window of a series', () => {
  test.each([
    [{}, ['hour', '11-24T10:00', '11-25T11:00']],
    [{ since: ago(hourMs) }, ['minute', '11-25T09:30', '11-25T10:30']],
    [{ since: ago(hourMs), step: 'hour' }, ['hour', '11-25T09:00', '11-25T11:00']],
    [{ since: ago(30 * dayMs) }, ['day', '10-26T00:00', '11-26T00:00']],
    // Counters of that time do not stand by the minute, or by the hour, any more.
    [{ since: ago(10 * hourMs), until: ago(9 * hourMs) }, ['hour', '11-25T00:00', '11-25T02:00']],
    [{ since: ago(9 * dayMs), step: 'minute' }, ['day', '11-16T00:00', '11-26T00:00']],
    [{ since: ago(2 * hourMs), measure: 'failures' }, ['hour', '11-25T08:00', '11-25T11:00']],
    [{ since: ago(25 * hourMs), measure: 'latency' }, ['hour', '11-24T09:00', '11-25T11:00']],
    [{ since: ago(27 * hourMs), measure: 'latency' }, ['day', '11-24T00:00', '11-26T00:00']],
  ] as const)('%j', (fields, expected) => {
    expect(windowOf(fields)).toEqual(expected);
  });

  test('ends after it begins, and has no more points than an answer takes', () => {
    expect(() => windowOf({ since: ago(0), until: ago(hourMs) })).toThrow('since must be before until');
    expect(() => windowOf({ since: ago(1600 * dayMs) })).toThrow('1,500 days');
  });
});

describe('points', () => {
  const row = (fields: Partial<CountsRow>): CountsRow => ({
    key: null,
    isOthers: false,
    at: now,
    deliverWithinMs: 0,
    accepted: 0,
    delivered: 0,
    dead: 0,
    cancelled: 0,
    suppressed: 0,
    late: 0,
    superseded: 0,
    firstAttempts: 0,
    firstAttemptDelivered: 0,
    ...fields,
  });
  const window = { since: now - minuteMs, until: now + 2 * minuteMs, step: 'minute' as const };

  test('every step has one, and those whose deadlines have not passed are open', () => {
    const rows = [
      row({ accepted: 5, delivered: 3, late: 1, cancelled: 1 }),
      row({ accepted: 2, delivered: 1, deliverWithinMs: hourMs }),
    ];
    const at = (time: number) => seriesPoints(window, rows, time, inTimePoint);
    // One is past its deadline and pending: late. Of the other endpoint one is pending, and not due for an hour.
    expect(at(now + 2 * minuteMs)).toMatchObject([
      { open: false, due: 0, in_time: 0, in_time_interval: [0, 1] },
      { open: true, due: 5, in_time: 3, late: 1, dropped: 0, pending: 2 },
      { open: false, due: 0 },
    ]);
    expect(at(now + 2 * hourMs)[1]).toMatchObject({ open: false, due: 6, in_time: 3 });
  });
});
