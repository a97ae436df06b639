import { beforeAll, describe, expect, test } from 'vitest';
import { makePlan } from '../../packages/lab/src/plan.ts';
import { runNaive } from '../../packages/lab/src/run.ts';
import { parseScenario } from '../../packages/lab/src/scenario.ts';
import { builtInScenarios } from '../../packages/lab/src/scenarios.ts';
import { SeededRandom } from '../../packages/posthorn/src/runtime/seeded-random.ts';
import { parseAttemptLine } from '../../packages/posthorn/src/logs/attempt-line.ts';
import { naiveLogLine } from '../../packages/lab/src/delivery-log.ts';
import { backtest, type ReplayedHistory } from '../../packages/posthorn/src/reliability/backtest.ts';
import { MinuteHistory } from '../../packages/posthorn/src/reliability/counts.ts';
import { toHistory, OutcomeCollector } from '../../packages/posthorn/src/reliability/log-history.ts';
import { defaultObjective, defaultRules } from '../../packages/posthorn/src/reliability/rules.ts';
import { start } from '../support.ts';

const day = 24 * 60;
const hourMs = 3_600_000;
const at = (target: number) => ({ ...defaultObjective, target });

/** Poisson, by Knuth for small means and the normal approximation for large ones. */
function poisson(random: SeededRandom, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const limit = Math.exp(-mean);
  let n = -1;
  for (let product = 1; product > limit; product *= random.float()) n++;
  return n;
}

/** Minutes of stationary traffic of which a share is bad by chance. */
function traffic(seed: number, perHour: number, minutes: number, badShare: number): [number[], number[]] {
  const random = new SeededRandom(seed, `traffic ${perHour}`);
  const bad = Array.from({ length: minutes }, () => poisson(random, (perHour / 60) * badShare));
  return [bad.map((n) => n + poisson(random, (perHour / 60) * (1 - badShare))), bad];
}

function replay(due: number[], bad: number[]): ReplayedHistory {
  return { minutes: new MinuteHistory(start, due, bad), overdue: [] };
}

describe('alert noise', () => {
  // The claim under test: 27 healthy days (0.05% late) do not page.
  test.each([10, 30, 60, 100, 300, 1000, 10_000])(
    '27 healthy days at %i events an hour: no page, at most one ticket',
    (perHour) => {
      for (let seed = 1; seed <= 8; seed++) {
        const [due, bad] = traffic(seed, perHour, 27 * day, 0.0005);
        const outcomes = backtest(replay(due, bad), defaultRules, at(0.999), []);
        const firings = outcomes.flatMap((outcome) => outcome.firings);
        expect(firings.filter(({ severity }) => severity === 'page')).toEqual([]);
        expect(firings.length).toBeLessThanOrEqual(1);
      }
    },
  );

  test('without the gate, low traffic pages: that is what the gate is for', () => {
    const raw = defaultRules.map((rule) => (rule.kind === 'burn_rate' ? { ...rule, pValue: null } : rule));
    let pages = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const [due, bad] = traffic(seed, 60, 27 * day, 0.0005);
      pages += backtest(replay(due, bad), raw, at(0.999), [])
        .flatMap(({ firings }) => firings)
        .filter(({ severity }) => severity === 'page').length;
    }
    // Reference value of an independent simulation: 17.5 in 27 days at 60 per hour.
    expect(pages / 8).toBeGreaterThan(5);
  });
});

describe('the silent drop of the incident', () => {
  /** By minute since it began: what the lab's naive sender delivered late or never. */
  let due: number[];
  let bad: number[];
  let dropRate: number;

  beforeAll(async () => {
    const scenario = {
      ...parseScenario(builtInScenarios.find(({ name }) => name === 'incident')),
      payments: 240_000,
      hours: 80.6,
    };
    const collector = new OutcomeCollector();
    const naive = await runNaive(
      scenario,
      makePlan(scenario, 1),
      (line, plan) => collector.add(parseAttemptLine(naiveLogLine(line, plan, scenario, ''))!),
      () => {},
    );
    dropRate = naive.silently_dropped / naive.accepted;
    const outcomes = collector.outcomes();
    const begin = Math.min(...outcomes.slice(0, 1000).map(({ acceptedAt }) => acceptedAt));
    const { minutes } = toHistory(outcomes, defaultObjective, [], begin + 79 * hourMs);
    const each = Array.from({ length: minutes.minutes }, (_, minute) => minutes.window(minute, 60_000));
    due = each.map((counts) => counts.due);
    bad = each.map((counts) => counts.bad);
  });

  /** Seven healthy days, then the incident. */
  function story(perHour: number): { history: ReplayedHistory; from: number } {
    const [healthyDue, healthyBad] = traffic(3, perHour, 7 * day, 0.0005);
    return {
      history: replay([...healthyDue, ...due], [...healthyBad, ...bad]),
      from: start + 7 * day * 60_000,
    };
  }

  test('is one of about 0.3%', () => {
    expect(dropRate).toBeGreaterThan(0.002);
    expect(dropRate).toBeLessThan(0.0045);
  });

  test.each([
    [0.999, 24],
    [0.995, 72],
  ])('at a target of %d: a ticket within %i hours, and no page', (target, hours) => {
    const { history, from } = story(3000);
    const outcomes = backtest(history, defaultRules, at(target), [{ from, until: from + 79 * hourMs }]);
    const firings = outcomes.flatMap((outcome) => outcome.firings);
    expect(firings.filter(({ severity }) => severity === 'page')).toEqual([]);
    const tickets = firings.filter(({ severity }) => severity === 'ticket');
    expect(tickets.length).toBeGreaterThan(0);
    expect(tickets.every(({ real }) => real)).toBe(true);
    expect((Math.min(...tickets.map((firing) => firing.from)) - from) / hourMs).toBeLessThan(hours);
  });

  test('at 99.5% burn rates alone stay silent: only the leak rule finds it', () => {
    const { history, from } = story(3000);
    const outcomes = backtest(history, defaultRules, at(0.995), [{ from, until: from + 79 * hourMs }]);
    const fired = outcomes.filter(({ firings }) => firings.length > 0).map(({ rule }) => rule.name);
    expect(fired).toEqual(['slow-leak']);
  });
});
