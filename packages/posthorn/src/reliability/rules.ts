import { binomialTail } from '../domain/statistics.ts';
import type { Counts } from './counts.ts';

export type Severity = 'page' | 'ticket';

/** A share of events that must be delivered before their deadline, over a rolling window. */
export interface Objective {
  /** 0.999: one in a thousand may be late or lost. */
  readonly target: number;
  readonly windowMs: number;
  /** How long after its acceptance an event must be delivered. */
  readonly withinMs: number;
}

/**
 * Multi-window burn rate (Google SRE Workbook, chapter 5): the budget is spent `factor` times as fast as allowed, over
 * the long window and still over the short one. The gate asks whether this many bad events could be chance.
 */
export interface BurnRateRule {
  readonly kind: 'burn_rate';
  readonly name: string;
  readonly severity: Severity;
  readonly longMs: number;
  readonly shortMs: number;
  readonly factor: number;
  /** The probability of as many bad events, if the objective were just met, must be below this; null: no gate. */
  readonly pValue: number | null;
}

/** A small share that is lost steadily: too slow for burn rates, and too much for chance. */
export interface SlowLeakRule {
  readonly kind: 'slow_leak';
  readonly name: string;
  readonly severity: Severity;
  readonly windowsMs: readonly number[];
  readonly pValue: number;
}

/** Retries that are past due and that no node has made: a silent drop begins with them. */
export interface OverdueRule {
  readonly kind: 'overdue';
  readonly name: string;
  readonly severity: Severity;
  /** How long after its due time a retry is overdue. */
  readonly graceMs: number;
}

export type Rule = BurnRateRule | SlowLeakRule | OverdueRule;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** With it, 27 healthy days of 10 to 10,000 events per hour fire nothing (test/lab/alert-noise.test.ts). */
const gate = 1e-5;

/** The Workbook's four pairs (table 5-8) with a gate for low traffic, the slow leak, and overdue retries. */
export const defaultRules: readonly Rule[] = [
  {
    kind: 'burn_rate',
    name: 'burn-1h',
    severity: 'page',
    longMs: hour,
    shortMs: 5 * minute,
    factor: 14.4,
    pValue: gate,
  },
  {
    kind: 'burn_rate',
    name: 'burn-6h',
    severity: 'page',
    longMs: 6 * hour,
    shortMs: 30 * minute,
    factor: 6,
    pValue: gate,
  },
  {
    kind: 'burn_rate',
    name: 'burn-1d',
    severity: 'ticket',
    longMs: day,
    shortMs: 2 * hour,
    factor: 3,
    pValue: gate,
  },
  {
    kind: 'burn_rate',
    name: 'burn-3d',
    severity: 'ticket',
    longMs: 3 * day,
    shortMs: 6 * hour,
    factor: 1,
    pValue: gate,
  },
  { kind: 'slow_leak', name: 'slow-leak', severity: 'ticket', windowsMs: [day, 3 * day], pValue: 1e-6 },
  { kind: 'overdue', name: 'overdue', severity: 'page', graceMs: 5 * minute },
];

export const defaultObjective: Objective = { target: 0.999, windowMs: 30 * day, withinMs: 5 * minute };

/** Why a rule fires or does not. */
export interface Evidence {
  readonly firing: boolean;
  readonly due: number;
  readonly bad: number;
  /** The burn rate over the rule's long window: how many times as fast as allowed the budget is spent. */
  readonly burn: number;
  /** The probability of as many bad events at the rate that the rule tolerates; 1 if it was not computed. */
  readonly pValue: number;
}

/**
 * Returns the rate that a leak is measured against. At 99.9% and above it is the budget itself. A loose objective would
 * hide a steady 0.3% forever, so there it is three tenths of the budget, and never below one in a thousand.
 */
export function toleratedLeak(target: number): number {
  const budget = 1 - target;
  return budget <= 0.001 ? budget : Math.max(0.001, 0.3 * budget);
}

const nothing: Evidence = { firing: false, due: 0, bad: 0, burn: 0, pValue: 1 };

/** Evaluates one rule on the counts of any window that ends now; `overdue` is how many retries are overdue now. */
export function evaluate(
  rule: Rule,
  objective: Objective,
  window: (lengthMs: number) => Counts,
  overdue: number,
): Evidence {
  const budget = 1 - objective.target;
  if (rule.kind === 'overdue') return { ...nothing, firing: overdue > 0, bad: overdue };
  if (rule.kind === 'burn_rate') {
    const long = window(rule.longMs);
    if (long.bad === 0) return nothing;
    const burn = long.bad / long.due / budget;
    const evidence = { due: long.due, bad: long.bad, burn };
    if (burn <= rule.factor) return { ...evidence, firing: false, pValue: 1 };
    const short = window(rule.shortMs);
    if (short.due === 0 || short.bad / short.due / budget <= rule.factor)
      return { ...evidence, firing: false, pValue: 1 };
    const pValue = rule.pValue === null ? 1 : binomialTail(long.bad, long.due, budget);
    return { ...evidence, pValue, firing: rule.pValue === null || pValue < rule.pValue };
  }
  const tolerated = toleratedLeak(objective.target);
  let best = nothing;
  for (const lengthMs of rule.windowsMs) {
    const { due, bad } = window(lengthMs);
    if (bad === 0 || bad / due <= tolerated) continue;
    const pValue = binomialTail(bad, due, tolerated);
    if (pValue < best.pValue)
      best = { firing: pValue < rule.pValue, due, bad, burn: bad / due / budget, pValue };
  }
  return best;
}
