import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binomialTail } from '../domain/statistics.ts';
import { backtest } from './backtest.ts';
import { MinuteHistory } from './counts.ts';
import { minuteMs } from '../domain/time.ts';
import { toHistory, OutcomeCollector } from './log-history.ts';
import { defaultObjective, defaultRules, evaluate, toleratedLeak } from './rules.ts';
import { parseRules } from './rules-file.ts';

describe('the exact binomial tail', () => {
  test.each([
    // By exact rational arithmetic (Python's fractions).
    [1, 10, 0.001, 0.00995511979025179],
    [3, 10, 0.001, 1.1937150990179906e-7],
    [5, 100, 0.01, 0.003432321587754515],
    [72, 24_000, 0.001, 2.0713807059695815e-15],
  ])('P(X ≥ %i | n = %i, p = %d)', (k, n, p, expected) => {
    expect(binomialTail(k, n, p) / expected).toBeCloseTo(1, 8);
  });

  test('equals the sum of the probabilities', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 60 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (n, k, p) => {
          let term = (1 - p) ** n;
          let below = 0;
          for (let i = 0; i < Math.min(k, n + 1); i++) {
            below += term;
            term *= ((n - i) / (i + 1)) * (p / (1 - p));
          }
          expect(binomialTail(k, n, p)).toBeCloseTo(Math.max(0, 1 - below), 9);
        },
      ),
    );
  });
});

describe('rules', () => {
  const rule = (name: string) => defaultRules.find((one) => one.name === name)!;
  const counts = (by: Record<number, [number, number]>) => (lengthMs: number) => {
    const [due, bad] = by[lengthMs / 60_000] ?? [0, 0];
    return { due, bad };
  };

  test('a burn rate needs both windows, and more than chance', () => {
    const burning = counts({ 60: [10_000, 200], 5: [800, 16] });
    expect(evaluate(rule('burn-1h'), defaultObjective, burning, 0)).toMatchObject({
      firing: true,
      burn: expect.closeTo(20),
    });
    // Over: the short window is clean again.
    expect(
      evaluate(rule('burn-1h'), defaultObjective, counts({ 60: [10_000, 200], 5: [800, 0] }), 0).firing,
    ).toBe(false);
    // One failure at 3 a.m. is 10% of the hour, and chance.
    expect(evaluate(rule('burn-1h'), defaultObjective, counts({ 60: [10, 1], 5: [1, 1] }), 0)).toMatchObject({
      firing: false,
      pValue: expect.closeTo(0.00995, 4),
    });
  });

  test('a leak is measured against the budget, and against three tenths of a loose one', () => {
    expect(toleratedLeak(0.9999)).toBeCloseTo(0.0001);
    expect(toleratedLeak(0.999)).toBeCloseTo(0.001);
    expect(toleratedLeak(0.995)).toBeCloseTo(0.0015);
    expect(toleratedLeak(0.99)).toBeCloseTo(0.003);
  });

  test('one overdue retry is enough', () => {
    expect(evaluate(rule('overdue'), defaultObjective, counts({}), 1).firing).toBe(true);
    expect(evaluate(rule('overdue'), defaultObjective, counts({}), 0).firing).toBe(false);
  });

  test('a rules file: durations, defaults, and faults by their path', () => {
    const { objective, rules } = parseRules(
      'objective: {target: 0.995, within: 2m}\nrules:\n  - {kind: slow_leak, name: leak, severity: ticket, windows: [6h, 1d]}',
    );
    expect(objective).toEqual({ target: 0.995, withinMs: 120_000, windowMs: defaultObjective.windowMs });
    expect(rules).toEqual([
      {
        kind: 'slow_leak',
        name: 'leak',
        severity: 'ticket',
        windowsMs: [21_600_000, 86_400_000],
        pValue: 1e-6,
      },
    ]);
    expect(parseRules('{}').rules).toBe(defaultRules);
    expect(() =>
      parseRules(
        'rules:\n  - {kind: burn_rate, name: A!, severity: loud, long: 1 hour, short: 5m, factor: 2}',
      ),
    ).toThrow(/rules\.0\.name[\s\S]*rules\.0\.severity[\s\S]*rules\.0\.long/);
    expect(() => parseRules('rules: [')).toThrow('Invalid YAML');
  });
});

describe('history from a log', () => {
  const begin = Date.UTC(2026, 0, 1);
  const line = (id: string, at: number, status: number | null, next: number | null = null) => ({
    event_id: id,
    started_at: begin + at * 1000,
    durationMs: 100,
    status_code: status,
    next_retry_at: next === null ? null : begin + next * 1000,
  });

  test('an event is counted at its deadline by when it was delivered, not by its attempts', () => {
    const collector = new OutcomeCollector();
    for (const one of [
      line('good', 0, 200),
      line('retried', 10, 500, 15),
      line('retried', 15, 200),
      line('late', 20, 500, 50),
      line('late', 400, 200),
      line('lost', 30, null, 60),
    ])
      collector.add(one);
    const history = toHistory(collector.outcomes(), defaultObjective, defaultRules, begin + 3_600_000);
    expect(history.minutes.all).toEqual({ due: 4, bad: 2 });
    // The late one was owed from 50 s, overdue from 350 s until its retry at 400 s; the lost one from 360 s for ever.
    expect(Array.from(history.overdue).slice(4, 9)).toEqual([0, 1, 1, 1, 1]);
    const [overdue] = backtest(
      history,
      defaultRules.filter(({ kind }) => kind === 'overdue'),
      defaultObjective,
      [{ from: begin, until: begin + 3_600_000 }],
    );
    expect(overdue).toMatchObject({ detectedAfterMs: 5 * minuteMs, missed: 0, falsePerWeek: 0 });
  });

  test('what comes and goes is one alarm; far apart they are two', () => {
    const due = Array.from({ length: 1000 }, () => 100);
    const bad = due.map((_, minute) => (minute === 100 || minute === 110 || minute === 800 ? 100 : 0));
    const history = { minutes: new MinuteHistory(begin, due, bad), overdue: [] };
    const [page] = backtest(
      history,
      [{ ...defaultRules[0]!, longMs: minuteMs, shortMs: minuteMs } as never],
      defaultObjective,
      [],
    );
    expect(page!.firings.map(({ from }) => (from - begin) / minuteMs)).toEqual([100, 800]);
  });
});
