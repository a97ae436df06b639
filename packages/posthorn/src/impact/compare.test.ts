import { describe, expect, test } from 'vitest';
import { wilson } from '../domain/statistics.ts';
import { compare } from './compare.ts';
import { distance, exposureChecks, isEqual } from './exposure.ts';
import type { Side } from './side.ts';

const week = 7 * 86_400_000;
const begins = Date.UTC(2026, 9, 1);

function side(fields: Partial<Side>): Side {
  return {
    label: 'log',
    from: begins,
    until: begins + 2 * week,
    decided: 20_000,
    unresolved: 0,
    silentlyDropped: 0,
    acknowledgedUnprocessed: 0,
    givenUp: 0,
    late: 0,
    lateUnresolved: 0,
    weekly: [],
    endpoints: new Map([
      ['orders', 15_000],
      ['ledger', 5000],
    ]),
    types: new Map([['payment.succeeded', 20_000]]),
    weekParts: { hours: 6, events: new Map(Array.from({ length: 28 }, (_, part) => [String(part), 714])) },
    givenUpWorth: [],
    firstLostAt: null,
    notes: [],
    ...fields,
  };
}
const facts = { target: 0.999, detectedBefore: null, detectedAfter: null };
const usd = (amountMinor: number, half: number, events: number): Side['weekly'] => [
  { currency: 'USD', amountMinor, interval: [amountMinor - half, amountMinor + half], events },
];

describe('before and after', () => {
  test('zero is said with its upper bound, and with what the old rate would have done', () => {
    const before = side({ silentlyDropped: 60, weekly: usd(800_000, 200_000, 60) });
    const result = compare(before, side({}), facts);
    expect(result.verdict).toBe('better');
    expect(result.after.drop_interval[1]).toBe(wilson(0, 20_000)[1]);
    expect(result.statement).toContain(
      '20,000 events after the change, none silently lost: at 95% the rate is below 0.019%',
    );
    expect(result.if_unchanged.expected_drops).toBeCloseTo(60, 9);
    // (1 − 0.003)^20000, which 1 − 1 would make zero.
    expect(result.if_unchanged.chance_of_so_few / 0.997 ** 20_000).toBeCloseTo(1, 6);
    expect(result.before.budget_burned).toBeCloseTo(3, 9);
    expect(result.after.budget_burned).toBe(0);
  });

  test('money no longer at risk is less sure than the loss before, because none seen is not none', () => {
    const before = side({ silentlyDropped: 60, weekly: usd(800_000, 200_000, 60) });
    const { amount_minor: minor, interval } = compare(before, side({}), facts).recovered_per_week[0]!;
    expect(minor).toBe(800_000);
    expect(interval[0]).toBeLessThan(600_000);
    expect(interval[0]).toBeGreaterThan(590_000);
    expect(interval[1]).toBe(1_000_000);
  });

  test('money is scaled to the volume after', () => {
    const before = side({ silentlyDropped: 60, weekly: usd(800_000, 200_000, 60) });
    const result = compare(before, side({ decided: 40_000 }), facts);
    expect(result.recovered_per_week[0]!.amount_minor).toBe(1_600_000);
  });

  test('too few events show nothing, and that is said', () => {
    const result = compare(side({ silentlyDropped: 60 }), side({ decided: 100 }), facts);
    expect(result.verdict).toBe('no_difference_shown');
    expect(result.statement).toContain('cannot show a difference');
  });

  test('worse is called worse', () => {
    expect(compare(side({}), side({ silentlyDropped: 60 }), facts).verdict).toBe('worse');
  });

  test('nothing at all is not an error', () => {
    const nothing = side({
      decided: 0,
      endpoints: new Map(),
      types: new Map(),
      weekParts: { hours: 6, events: new Map() },
    });
    const text = JSON.stringify(compare(nothing, nothing, facts));
    expect(text).not.toContain('null,null');
    expect(text).not.toContain('NaN');
  });
});

describe('equal exposure', () => {
  const failing = (before: Side, after: Side): string[] =>
    exposureChecks(before, after)
      .filter(({ fine }) => fine === false)
      .map(({ check }) => check);

  test('the same traffic is equal', () => {
    expect(failing(side({}), side({}))).toEqual([]);
  });

  test.each<[string, Partial<Side>]>([
    ['volume', { decided: 5000 }],
    ['endpoints', { endpoints: new Map([['orders', 20_000]]) }],
    [
      'event_types',
      {
        types: new Map([
          ['payment.succeeded', 10_000],
          ['refund.created', 10_000],
        ]),
      },
    ],
    [
      'hours_of_week',
      {
        weekParts: {
          hours: 6,
          events: new Map(Array.from({ length: 14 }, (_, part) => [String(part), 1428])),
        },
      },
    ],
  ])('another %s is not', (check, fields) => {
    expect(failing(side({}), side(fields))).toEqual([check]);
  });

  test('few events differ by chance alone, and that is not a warning', () => {
    const parts = (n: number): Side['weekParts'] => ({
      hours: 6,
      events: new Map(Array.from({ length: 9 }, (_, part) => [String(part * n), 1])),
    });
    expect(failing(side({ weekParts: parts(2) }), side({ weekParts: parts(3) }))).toEqual([]);
  });

  test('what is called differently is compared by size', () => {
    const renamed = new Map([
      ['ep_1', 14_900],
      ['ep_2', 5100],
    ]);
    expect(failing(side({}), side({ endpoints: renamed }))).toEqual([]);
  });

  test('unknown values are not compared', () => {
    const unknown = exposureChecks(side({ types: new Map() }), side({}));
    expect(unknown.find(({ check }) => check === 'event_types')!.fine).toBeNull();
    expect(isEqual(unknown)).toBeNull();
    expect(isEqual(exposureChecks(side({}), side({})))).toBe(true);
    expect(isEqual(exposureChecks(side({ types: new Map(), decided: 90_000 }), side({})))).toBe(false);
  });

  test('the distance of two mixes is the share that would have to be moved', () => {
    expect(
      distance(
        new Map([
          ['a', 3],
          ['b', 1],
        ]),
        new Map([
          ['a', 1],
          ['b', 1],
        ]),
      ),
    ).toBeCloseTo(0.25, 12);
  });
});
