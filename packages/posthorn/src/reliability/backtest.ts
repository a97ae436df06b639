import { MinuteHistory } from './counts.ts';
import { minuteMs } from '../domain/time.ts';
import { evaluate, type Evidence, type Objective, type Rule } from './rules.ts';

/** The history to replay. `overdue` is the number of overdue retries in each minute; empty if the history cannot say. */
export interface ReplayedHistory {
  readonly minutes: MinuteHistory;
  readonly overdue: ArrayLike<number>;
}

/** A period in which something was known to be wrong, in ms since the epoch. */
export interface Incident {
  readonly from: number;
  readonly until: number;
}

/** One firing of a rule. */
export interface Firing {
  readonly rule: string;
  readonly severity: Rule['severity'];
  readonly from: number;
  /** When it was resolved; null: it was still firing at the end of the history. */
  readonly until: number | null;
  readonly evidence: Evidence;
  /** Whether it began during an incident, or as its echo: while the incident was still in the rule's window. */
  readonly real: boolean;
}

export interface RuleOutcome {
  readonly rule: Rule;
  readonly firings: readonly Firing[];
  /** From the start of the first incident to the first firing in it; null: missed, or no incident in the history. */
  readonly detectedAfterMs: number | null;
  readonly missed: number;
  readonly falsePerWeek: number;
}

/** A rule is resolved after its condition has been false for this long; one that flaps fires once. */
const resolveAfterMinutes = 15;

function ruleReach(rule: Rule): number {
  if (rule.kind === 'burn_rate') return rule.longMs;
  return rule.kind === 'slow_leak' ? Math.max(...rule.windowsMs) : rule.graceMs;
}

/** Replays a history through each rule, minute by minute, in virtual time. */
export function backtest(
  history: ReplayedHistory,
  rules: readonly Rule[],
  objective: Objective,
  incidents: readonly Incident[],
): RuleOutcome[] {
  const { minutes, overdue } = history;
  const weeks = Math.max(minutes.minutes / (7 * 24 * 60), 1 / 7);
  return rules.map((rule) => {
    const firings: Firing[] = [];
    let since: { at: number; evidence: Evidence } | null = null;
    let quiet = 0;
    const end = (until: number | null): void => {
      if (since === null) return;
      const from = minutes.timeOf(since.at);
      const real = incidents.some(
        (incident) => from >= incident.from && from <= incident.until + ruleReach(rule),
      );
      firings.push({ rule: rule.name, severity: rule.severity, from, until, evidence: since.evidence, real });
      since = null;
    };
    for (let at = 0; at < minutes.minutes; at++) {
      const evidence = evaluate(
        rule,
        objective,
        (lengthMs) => minutes.window(at, lengthMs),
        overdue[at] ?? 0,
      );
      if (evidence.firing) {
        quiet = 0;
        since ??= { at, evidence };
      } else if (since !== null && ++quiet >= resolveAfterMinutes) end(minutes.timeOf(at));
    }
    end(null);
    const found = incidents.map(({ from, until }) =>
      firings.find((firing) => firing.from >= from && firing.from <= until + ruleReach(rule)),
    );
    return {
      rule,
      firings,
      detectedAfterMs: found[0] === undefined ? null : found[0].from - incidents[0]!.from,
      missed: found.filter((firing) => firing === undefined).length,
      falsePerWeek: firings.filter(({ real }) => !real).length / weeks,
    };
  });
}

/**
 * Returns the same traffic without an incident: each event is late with a probability of half the budget, as in a
 * service that meets its objective with room to spare.
 */
export function healthyControl(
  minutes: MinuteHistory,
  objective: Objective,
  /** Between 0 and 1. */
  random: { float(): number },
): ReplayedHistory {
  const share = (1 - objective.target) / 2;
  const due = Array.from({ length: minutes.minutes }, (_, at) => minutes.window(at, minuteMs).due);
  const bad = due.map((n) => {
    // Gaps between late events are geometric, so a minute costs one draw per late event.
    let count = 0;
    for (let at = -1; ;) {
      at += 1 + Math.floor(Math.log(1 - random.float()) / Math.log1p(-share));
      if (at >= n) return count;
      count++;
    }
  });
  return { minutes: new MinuteHistory(minutes.from, due, bad), overdue: [] };
}

export interface TradePoint {
  readonly pValue: number | null;
  readonly falsePerWeek: number;
  readonly detectedAfterMs: number | null;
}

/**
 * What sensitivity costs: the same rules with looser and stricter gates, their alarms per week on `healthy` (the same
 * traffic without the incident) against the time they take to notice it.
 */
export function trade(
  history: ReplayedHistory,
  healthy: ReplayedHistory,
  rules: readonly Rule[],
  objective: Objective,
  incidents: readonly Incident[],
): TradePoint[] {
  return [null, 0.05, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8].map((pValue) => {
    const gated = rules.flatMap((rule): Rule[] => {
      if (rule.kind === 'burn_rate') return [{ ...rule, pValue }];
      return rule.kind === 'slow_leak' && pValue !== null ? [{ ...rule, pValue }] : [];
    });
    const times = backtest(history, gated, objective, incidents).flatMap(
      ({ detectedAfterMs }) => detectedAfterMs ?? [],
    );
    return {
      pValue,
      falsePerWeek: backtest(healthy, gated, objective, []).reduce(
        (sum, outcome) => sum + outcome.falsePerWeek,
        0,
      ),
      detectedAfterMs: times.length === 0 ? null : Math.min(...times),
    };
  });
}
