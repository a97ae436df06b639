import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePromql } from '../../../../../test/prometheus/promql.ts';
import { binomialTail } from '../../domain/statistics.ts';
import type { NamedSlo } from '../../domain/objective.ts';
import { dashboards } from './dashboard.ts';
import { exportedFiles, ruleFile } from './export.ts';
import { promDuration, type RuleFile } from './rule-file.ts';
import { sloRules, surprise, unreachable } from './slo-rules.ts';

const slo = (fields: Partial<NamedSlo> = {}): NamedSlo => ({
  name: 'payments',
  objective: 'delivered_within',
  target: 0.999,
  window_days: 30,
  description: '',
  event_types: ['*'],
  endpoint_ids: [],
  producer: 'payments',
  consumer: 'orders',
  ...fields,
});
const all = [
  slo(),
  slo({ name: 'mails', target: 0.995, window_days: 28 }),
  slo({ name: 'loose', target: 0.9 }),
  slo({ name: 'ledger', objective: 'accounted', target: 1 }),
];
const { groups } = ruleFile(all, 'https://posthorn.example');
const rules = groups.flatMap((group) => group.rules);
const boards = Object.values(dashboards());
const panels = boards.flatMap((board) =>
  board.panels.flatMap(({ title, targets }) => (targets ?? []).map(({ expr }) => [title, expr] as const)),
);
const queries = [
  ...rules.map((rule) => ['record' in rule ? rule.record : rule.alert, rule.expr] as const),
  ...panels,
];

describe('the expressions', () => {
  test('are PromQL, by the grammar of the Prometheus authors', () => {
    expect(queries.length).toBeGreaterThan(150);
    expect(
      queries.filter(([, expr]) => parsePromql(expr).faults.length > 0).map(([name, expr]) => [name, expr]),
    ).toEqual([]);
  });

  test.each(['sum(((', 'rate(x[5q])', 'a > > b', 'sum by (slo (x)', 'x{slo=payments}'])(
    'a fault is seen: %s',
    (expr) => {
      expect(parsePromql(expr).faults).not.toEqual([]);
    },
  );

  test('take rates of counters only', () => {
    const wrong = queries.flatMap(([name, expr]) =>
      parsePromql(expr)
        .selectors.filter(({ rangeOf, metric }) => rangeOf !== null && !/_(total|bucket)$/.test(metric))
        .map(({ metric }) => `${name}: ${metric}`),
    );
    expect(wrong).toEqual([]);
  });

  test('use what was recorded before, in the same group or in an earlier one', () => {
    const recorded = new Set<string>();
    const early: string[] = [];
    for (const rule of rules) {
      for (const { metric } of parsePromql(rule.expr).selectors)
        if (metric.includes(':') && !recorded.has(metric)) early.push(metric);
      if ('record' in rule) recorded.add(rule.record);
    }
    expect(early).toEqual([]);
    const ofPanels = panels.flatMap(([, expr]) => parsePromql(expr).selectors.map(({ metric }) => metric));
    expect(ofPanels.filter((metric) => metric.includes(':') && !recorded.has(metric))).toEqual([]);
  });
});

describe('the rules of an objective', () => {
  test('record each series once', () => {
    const series = rules
      .filter((rule) => 'record' in rule)
      .map(({ record, labels }) => `${record}${JSON.stringify(labels ?? {})}`);
    expect(new Set(series).size).toBe(series.length);
  });

  test('have the four pairs, the leak, and both owners on every alert', () => {
    const alerts = sloRules(slo()).rules.filter((rule) => 'alert' in rule);
    expect(alerts.map(({ alert, labels }) => [alert, labels['rule'], labels['severity']])).toEqual([
      ['PosthornSloBurn', 'burn-1h', 'page'],
      ['PosthornSloBurn', 'burn-6h', 'page'],
      ['PosthornSloBurn', 'burn-1d', 'ticket'],
      ['PosthornSloBurn', 'burn-3d', 'ticket'],
      ['PosthornSloSlowLeak', 'slow-leak', 'ticket'],
      ['PosthornSloAbsent', undefined, 'ticket'],
      ['PosthornSloTargetDiffers', undefined, 'ticket'],
    ]);
    for (const { labels } of alerts)
      expect(labels).toMatchObject({ producer: 'payments', consumer: 'orders' });
  });

  test('leave out what could never fire, and say so', () => {
    expect(unreachable(slo({ target: 0.9 }))).toEqual(['burn-1h']);
    expect(unreachable(slo())).toEqual([]);
    const names = sloRules(slo({ target: 0.9 })).rules.flatMap((rule) => rule.labels?.['rule'] ?? []);
    expect(names).toEqual(['burn-6h', 'burn-1d', 'burn-3d', 'slow-leak']);
  });

  test('without a budget divide by nothing', () => {
    const { rules: ofLedger } = sloRules(all[3]!);
    expect(
      ofLedger.map(({ expr }) => expr).filter((expr) => /\/ 0(?![.\d])|\* 0(?![.\d])/.test(expr)),
    ).toEqual([]);
    expect(ofLedger.some((rule) => 'alert' in rule && rule.alert === 'PosthornSloBroken')).toBe(true);
  });
});

test('the gate never lets pass what the exact binomial test would not', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.double({ min: 1e-5, max: 0.2, noNaN: true }),
      fc.double({ min: 0, max: 6, noNaN: true }),
      (events, budget, times) => {
        const expected = events * budget;
        const bad = Math.min(events, Math.ceil(expected * (1 + times)) + 1);
        fc.pre(bad > expected);
        const bound = Math.exp(-surprise(bad, expected));
        expect(binomialTail(bad, events, budget)).toBeLessThanOrEqual(bound * (1 + 1e-9));
      },
    ),
    { numRuns: 300 },
  );
});

test('durations are written as Prometheus reads them', () => {
  expect([300_000, 1_800_000, 7_200_000, 86_400_000, 259_200_000, 90_000].map(promDuration)).toEqual([
    '5m',
    '30m',
    '2h',
    '1d',
    '3d',
    '90s',
  ]);
});

test('the files say what the rules say, and dashboards lie in their grid without overlap', () => {
  const files = exportedFiles(all, 'https://posthorn.example');
  const [ruleText] = files;
  expect(parse(ruleText.text) as RuleFile).toEqual({ groups: JSON.parse(JSON.stringify(groups)) as unknown });
  expect(ruleText.text).not.toMatch(/[&*]a\d/);
  for (const board of boards) {
    const taken = new Set<string>();
    for (const { gridPos } of board.panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24);
          expect(taken.has(`${x} ${y}`)).toBe(false);
          taken.add(`${x} ${y}`);
        }
  }
  const uids = files.slice(1, -1).map(({ text }) => (JSON.parse(text) as { uid: string }).uid);
  expect(uids).toEqual(['posthorn', 'posthorn-objectives', 'posthorn-tenants']);
  expect(parse(files.at(-1)!.text)).toMatchObject({ apiVersion: 1, providers: [{ type: 'file' }] });
});
