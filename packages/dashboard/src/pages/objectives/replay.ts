import { backtest, type Incident } from '../../../../posthorn/src/reliability/backtest.ts';
import { MinuteHistory } from '../../../../posthorn/src/reliability/counts.ts';
import type { Rule } from '../../../../posthorn/src/reliability/rules.ts';
import type { Answer } from '../../api.ts';

// What a backtest computes, in a worker: the rules of the server, on counts that the server has kept.

export type Counts = Answer<'slos.minutes'>;
export type Side = 'sender' | 'receiver';

export interface ReplayRequest {
  readonly id: number;
  readonly counts: Counts;
  readonly side: Side;
  readonly rules: readonly Rule[];
  readonly incidents: readonly Incident[];
}

/** A time at which a rule would have fired. */
export interface ReplayFiring {
  readonly from: number;
  /** Null: it fired to the end. */
  readonly until: number | null;
  readonly isReal: boolean;
  /** Counts are coarser there than the rule's short window: the time is only about right. */
  readonly isRough: boolean;
}

export interface ReplayOutcome {
  readonly rule: Rule;
  readonly firings: readonly ReplayFiring[];
  readonly detectedAfterMs: number | null;
  readonly missed: number;
  readonly falsePerWeek: number;
}

export interface ReplayAnswer {
  readonly id: number;
  readonly outcomes: readonly ReplayOutcome[];
  readonly tookMs: number;
}

/** Spreads a count over the minutes of its step in whole numbers that add up to it. */
function spread(runs: Counts['segments'][number]['due'], minutes: number, into: number[]): void {
  for (const [count = 0, times = 0] of runs)
    for (let step = 0; step < times; step++)
      for (let minute = 0; minute < minutes; minute++)
        into.push(Math.floor(((minute + 1) * count) / minutes) - Math.floor((minute * count) / minutes));
}

/** The counts of one side by the minute, at the times at which they were known. */
export function toHistory(counts: Counts, side: Side): MinuteHistory | null {
  const [first] = counts.segments;
  if (first === undefined) return null;
  const due: number[] = [];
  const bad: number[] = [];
  for (const segment of counts.segments) {
    spread(segment.due, segment.step_s / 60, due);
    spread(segment[side], segment.step_s / 60, bad);
  }
  return new MinuteHistory(Date.parse(first.at) + counts.within_s * 1000, due, bad);
}

/** The shortest window of a rule, in seconds. */
function shortestS(rule: Rule): number {
  if (rule.kind === 'burn_rate') return rule.shortMs / 1000;
  return rule.kind === 'slow_leak' ? Math.min(...rule.windowsMs) / 1000 : 60;
}

/** From when counts are at least as fine as the rule's shortest window. */
function fineFrom({ segments, within_s: withinS }: Counts, rule: Rule): number {
  const fine = segments.find(({ step_s: step }) => step <= shortestS(rule));
  return fine === undefined ? Number.POSITIVE_INFINITY : Date.parse(fine.at) + withinS * 1000;
}

/** Replays the rules. Those whose rule, counts and incidents are the same as last time are not replayed again. */
export function createReplay(): (request: Omit<ReplayRequest, 'id'>) => readonly ReplayOutcome[] {
  let key = '';
  let history: MinuteHistory | null = null;
  let done = new Map<string, ReplayOutcome>();
  return ({ counts, side, rules, incidents }) => {
    const next = JSON.stringify([counts.since, counts.until, counts.name, side]);
    if (next !== key || history === null) {
      history = toHistory(counts, side);
      key = next;
      done = new Map();
    }
    if (history === null) return [];
    const objective = { target: counts.target, windowMs: counts.window_s * 1000, withinMs: 0 };
    const outcomes = new Map<string, ReplayOutcome>();
    for (const rule of rules) {
      const ruleKey = JSON.stringify([rule, incidents]);
      let outcome = done.get(ruleKey);
      if (outcome === undefined) {
        const [found] = backtest({ minutes: history, overdue: [] }, [rule], objective, incidents);
        const from = fineFrom(counts, rule);
        outcome = {
          rule,
          firings: found!.firings.map((firing) => ({
            from: firing.from,
            until: firing.until,
            isReal: firing.real,
            isRough: firing.from < from,
          })),
          detectedAfterMs: found!.detectedAfterMs,
          missed: found!.missed,
          falsePerWeek: found!.falsePerWeek,
        };
      }
      outcomes.set(ruleKey, outcome);
    }
    done = outcomes;
    return [...outcomes.values()];
  };
}

/** The time that a backtest covers, as its plots show it. */
export const countsSpan = (counts: Counts): { from: number; until: number } => ({
  from: Date.parse(counts.segments[0]!.at),
  until: Date.parse(counts.until) + counts.within_s * 1000,
});
