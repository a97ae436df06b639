import { expect, test } from 'vitest';
import {
  aWeek,
  headlineText,
  type Impact,
  type ImpactSide,
  toMeasures,
  pointsText,
  verdictText,
} from './measures.ts';

const side = (fields: Partial<ImpactSide>): ImpactSide => ({
  label: '',
  from: '2026-11-02T00:00:00.000Z',
  until: '2026-11-09T00:00:00.000Z',
  events: 10_000,
  unresolved: 0,
  silently_dropped: 0,
  acknowledged_unprocessed: 0,
  given_up: 0,
  late: 0,
  drop_rate: 0,
  drop_interval: [0, 0],
  budget_burned: 0,
  weekly_value: [],
  given_up_value: [],
  first_lost_at: null,
  time_to_detect: null,
  notes: [],
  ...fields,
});
const impact = (before: Partial<ImpactSide>, after: Partial<ImpactSide>): Impact =>
  ({ before: side(before), after: side(after) }) as Impact;

test('dropped is what is dead, suppressed or unaccounted; the change is after minus before', () => {
  const [dropped, late, unaccounted] = toMeasures(
    impact({ given_up: 30, silently_dropped: 1, late: 5 }, { late: 500 }),
  );
  expect(dropped).toMatchObject({ before: { count: 31, of: 10_000, rate: 0.0031 }, verdict: 'better' });
  expect(dropped.change.interval[1]).toBeLessThan(0);
  expect(late.verdict).toBe('worse');
  expect(unaccounted.verdict).toBe('no_difference');
  expect(headlineText(dropped)).toBe('0.31% dropped before, none of 10,000 after');
  expect(verdictText(dropped)).toBe('It is better, beyond chance.');
});

test('nothing on both sides is said with its bound, and few events show no difference', () => {
  const [nothing] = toMeasures(impact({}, {}));
  expect(headlineText(nothing)).toBe('None of 10,000 dropped before, none of 10,000 after');
  expect(verdictText(nothing)).toBe('At 95%, the rate after the change is below 0.038%.');
  const [few] = toMeasures(impact({ given_up: 30 }, { events: 20 }));
  expect(verdictText(few)).toMatch(/^These numbers cannot show a difference/);
  const [none] = toMeasures(impact({ given_up: 30 }, { events: 0 }));
  expect(none.after.rate).toBe(0);
});

test('a difference is said in points of percentages, money at the pace of a week, exactly', () => {
  expect([pointsText(-0.0031), pointsText(0.02), pointsText(0)]).toEqual([
    '−0.31 points',
    '+2 points',
    '0 points',
  ]);
  const half = side({ until: '2026-11-05T12:00:00.000Z' });
  expect(aWeek([{ currency: 'EUR', amount_minor: '9007199254740993', events: 1 }], half)).toEqual([
    { currency: 'EUR', amount_minor: '18014398509481986', events: 1 },
  ]);
});
