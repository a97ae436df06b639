import { type TimeToDetect } from 'posthorn/impact';
import { readMinutes } from '../history.ts';
import type { WouldHave } from '../report/post-mortem.ts';
import type { AuditOptions } from '../result.ts';
import {
  backtest,
  defaultObjective,
  defaultRules,
  MinuteHistory,
  type Objective,
  type RuleOutcome,
} from 'posthorn/alert-rules';

/** Replays the default alert rules over a log whose first loss was at `lostAt` (ms since the epoch). */
async function replay(options: AuditOptions, lostAt: number, objective: Objective): Promise<RuleOutcome[]> {
  const graceMs = defaultRules.find((rule) => rule.kind === 'overdue')!.graceMs;
  const { from, until, due, bad, overdue } = await readMinutes(options, {
    withinMs: objective.withinMs,
    graceMs,
  });
  return backtest({ minutes: new MinuteHistory(from, due, bad), overdue }, defaultRules, objective, [
    { from: lostAt, until },
  ]);
}

/** Returns how soon each rule would have noticed a loss that began at `lostAt`. */
export async function rulesOn(
  options: AuditOptions,
  lostAt: number,
): Promise<{ objective: Objective; rules: WouldHave[] }> {
  const outcomes = await replay(options, lostAt, defaultObjective);
  return {
    objective: defaultObjective,
    rules: outcomes.map(({ rule, detectedAfterMs, falsePerWeek }) => ({
      rule: rule.name,
      severity: rule.severity,
      afterMs: detectedAfterMs,
      falsePerWeek,
    })),
  };
}

/** Returns the first rule that would have noticed, or null if none would. */
export async function firstAlertIn(options: AuditOptions, lostAt: number): Promise<TimeToDetect | null> {
  const { rules } = await rulesOn(options, lostAt);
  const first = rules
    .filter(({ afterMs }) => afterMs !== null)
    .toSorted((a, b) => a.afterMs! - b.afterMs!)[0];
  return first === undefined
    ? null
    : { after_s: Math.round(first.afterMs! / 1000), by: `alert rule ${first.rule}` };
}
