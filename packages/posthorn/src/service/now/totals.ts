import type { Counters } from '../../store/accounting.ts';
import type { PendingWorth, Worth } from '../../store/overview.ts';
import type { AtRisk } from '../../store/worth.ts';
import { Amounts } from './amounts.ts';
import type { NowFacts } from './facts.ts';

/** The equation: accepted = delivered + pending + dead + cancelled + suppressed + unaccounted. */
export interface Equation {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;
  readonly unaccounted: number;
}

export interface Totals {
  readonly equation: Equation;
  readonly inTime: { readonly good: number; readonly due: number };
  readonly dead: Amounts;
  readonly suppressed: Amounts;
  readonly late: Amounts;
  readonly lateCount: number;
  /** What was accepted before the window. */
  readonly earlier: Readonly<Record<AtRisk, number>>;
}

const sum = <T>(list: Iterable<T>, of: (one: T) => number): number => {
  let total = 0;
  for (const one of list) total += of(one);
  return total;
};

export const riskCount = (worth: readonly Worth[], state: AtRisk): number =>
  sum(worth, (one) => one[state].count);

export function riskAmounts(worth: readonly Worth[], states: readonly AtRisk[]): Amounts {
  const amounts = new Amounts();
  for (const one of worth)
    for (const state of states) amounts.add(one.currency, one[state].amountMinor, one[state].count);
  return amounts;
}

export function addLate(amounts: Amounts, parts: readonly PendingWorth[]): Amounts {
  for (const { currency, lateAmountMinor, late } of parts) amounts.add(currency, lateAmountMinor, late);
  return amounts;
}

/** Pending deliveries are counted from rows if all of them were read; else from the counters. */
function sumEquation({ counters, pending, reconciliation, isEverything }: NowFacts): Equation {
  const of = (name: keyof Counters): number => sum(counters.values(), (counts) => counts[name]);
  const ended = {
    delivered: of('delivered'),
    dead: of('dead'),
    cancelled: of('cancelled'),
    suppressed: of('suppressed'),
  };
  const accepted = of('accepted');
  const left = accepted - ended.delivered - ended.dead - ended.cancelled - ended.suppressed;
  if (!pending.isComplete) {
    // Too many to count one by one: excludes what the reconciler finds missing.
    const missing = isEverything ? Math.max(0, reconciliation?.unaccounted ?? 0) : 0;
    return { accepted, ...ended, pending: Math.max(0, left - missing), unaccounted: Math.min(missing, left) };
  }
  const counted = sum(
    pending.parts.filter(({ isWithin }) => isWithin),
    (part) => part.pending,
  );
  return { accepted, ...ended, pending: counted, unaccounted: left - counted };
}

export function computeTotals(facts: NowFacts): Totals {
  const equation = sumEquation(facts);
  const within = facts.pending.parts.filter(({ isWithin }) => isWithin);
  const lateCount = sum(within, ({ late }) => late);
  const late = sum(facts.counters.values(), (counts) => counts.late);
  return {
    equation,
    inTime: {
      good: equation.delivered - late,
      due: equation.accepted - equation.cancelled - Math.max(0, equation.pending - lateCount),
    },
    dead: riskAmounts(facts.worthWithin, ['dead']),
    suppressed: riskAmounts(facts.worthWithin, ['suppressed']),
    late: addLate(new Amounts(), within),
    lateCount,
    earlier: {
      dead: Math.max(0, riskCount(facts.worth, 'dead') - riskCount(facts.worthWithin, 'dead')),
      suppressed: Math.max(
        0,
        riskCount(facts.worth, 'suppressed') - riskCount(facts.worthWithin, 'suppressed'),
      ),
    },
  };
}
