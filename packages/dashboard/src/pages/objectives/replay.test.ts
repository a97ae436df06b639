import { describe, expect, test } from 'vitest';
import { parseRules } from '../../../../posthorn/src/reliability/rules-file.ts';
import { type Counts, createReplay, toHistory } from './replay.ts';
import {
  changedRules,
  changesFrom,
  changesText,
  incidentsFrom,
  incidentsText,
  rulesYaml,
  usualChanges,
  usualRules,
} from './rules-text.ts';

const day = 86_400_000;
const now = Date.UTC(2026, 10, 26, 9);
const iso = (ms: number): string => new Date(ms).toISOString();

/** A month as the server keeps it: days, then hours, then minutes; every day of an incident loses a twentieth. */
function aMonth(bad: number): Counts {
  const today = Math.floor(now / day) * day;
  return {
    name: 'o',
    target: 0.999,
    window_s: 30 * 86_400,
    within_s: 60,
    since: iso(today - 30 * day),
    until: iso(now),
    known_since: iso(today - 30 * day),
    segments: [
      {
        at: iso(today - 30 * day),
        step_s: 86_400,
        due: [[14_400, 22]],
        sender: [[0, 22]],
        receiver: [
          [0, 10],
          [bad, 4],
          [0, 8],
        ],
      },
      { at: iso(today - 8 * day), step_s: 3600, due: [[600, 193]], sender: [[0, 193]], receiver: [[0, 193]] },
      { at: iso(today + 3_600_000), step_s: 60, due: [[10, 480]], sender: [[0, 480]], receiver: [[0, 480]] },
    ],
  };
}

const incident = { from: now - 20.5 * day, until: now - 16 * day };

describe('a backtest in the browser', () => {
  test('counts of days and hours are spread in whole numbers that add up to them', () => {
    const history = toHistory(aMonth(720), 'receiver')!;
    expect(history.all).toEqual({ due: 22 * 14_400 + 193 * 600 + 4800, bad: 4 * 720 });
    expect(history.window(1439, day).due).toBe(14_400);
    expect(toHistory({ ...aMonth(0), segments: [] }, 'receiver')).toBeNull();
  });

  test('rules fire in the incident; where counts are coarser than a rule, only about when', () => {
    const outcomes = createReplay()({
      counts: aMonth(720),
      side: 'receiver',
      rules: usualRules,
      incidents: [incident],
    });
    const of = (name: string) => outcomes.find(({ rule }) => rule.name === name)!;
    for (const name of ['burn-1h', 'burn-6h', 'burn-1d', 'burn-3d', 'slow-leak']) {
      expect(of(name).firings.length, name).toBeGreaterThan(0);
      expect(of(name).falsePerWeek).toBe(0);
      expect(of(name).firings[0]!.isRough).toBe(name !== 'slow-leak');
    }
    // The other side has lost nothing, and hears nothing.
    const other = createReplay()({
      counts: aMonth(720),
      side: 'sender',
      rules: usualRules,
      incidents: [incident],
    });
    expect(other.flatMap(({ firings }) => firings)).toEqual([]);
  });

  test('without an incident every alarm is for nothing, and a rule that did not change is not replayed', () => {
    const replay = createReplay();
    const counts = aMonth(720);
    const first = replay({ counts, side: 'receiver', rules: usualRules, incidents: [] });
    expect(first[0]!.falsePerWeek).toBeGreaterThan(0);
    const rules = changedRules({
      ...usualChanges(),
      burn: { ...usualChanges().burn, 'burn-1h': { factor: 1000, longMs: 3_600_000 } },
    });
    const second = replay({ counts, side: 'receiver', rules, incidents: [] });
    expect(second[0]).not.toBe(first[0]);
    expect(second[0]!.firings).toEqual([]);
    expect(second[1]).toBe(first[1]);
  });
});

describe('rules as text', () => {
  test('in the URL and back; what makes no sense is as usual', () => {
    expect(changesText(usualChanges())).toBeNull();
    const changes = {
      burn: { ...usualChanges().burn, 'burn-6h': { factor: 2.5, longMs: 43_200_000 } },
      gate: null,
    };
    expect(changesFrom(changesText(changes)!)).toEqual(changes);
    for (const text of ['', 'x', 'burn-1h:-3:10;gate:9', ';gate:', 'none:1:3600'])
      expect(changesFrom(text)).toEqual(usualChanges());
    expect(incidentsFrom(undefined)).toBeNull();
    expect(incidentsFrom(incidentsText([incident]))).toEqual([incident]);
    expect(incidentsFrom(incidentsText([]))).toEqual([]);
    expect(incidentsFrom('2026-01-02T00:00Z..2026-01-01T00:00Z,x')).toEqual([]);
  });

  test('as YAML that posthorn alerts backtest reads to the same rules', () => {
    for (const gate of [-3, null]) {
      const rules = changedRules({ ...usualChanges(), gate });
      const yaml = rulesYaml(rules, { target: 0.995, windowS: 7 * 86_400, withinS: 60 });
      expect(parseRules(yaml)).toEqual({
        objective: { target: 0.995, windowMs: 7 * day, withinMs: 60_000 },
        rules,
      });
    }
  });
});
