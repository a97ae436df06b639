import { newcombe, estimateShare } from '../../../../posthorn/src/domain/statistics.ts';
import type { Answer } from '../../api.ts';
import type { Money } from '../../parts/money.ts';
import { countText, percent } from '../../parts/number.ts';

// What is said of both sides, from the counts that the server answers.

export type Impact = Answer<'impact.get'>;
export type ImpactSide = Impact['before'];

export interface Part {
  readonly count: number;
  readonly of: number;
  readonly rate: number;
  readonly interval: readonly [number, number];
}

export interface Measure {
  readonly key: 'dropped' | 'late' | 'unaccounted';
  readonly name: string;
  readonly before: Part;
  readonly after: Part;
  /** After minus before, in shares: below zero is better. */
  readonly change: { readonly value: number; readonly interval: readonly [number, number] };
  readonly verdict: 'better' | 'worse' | 'no_difference';
}

const unaccountedIn = (side: ImpactSide): number => side.silently_dropped + side.acknowledged_unprocessed;
const droppedIn = (side: ImpactSide): number => unaccountedIn(side) + side.given_up;

function toPart(count: number, of: number): Part {
  const { value, interval } = estimateShare(Math.min(count, of), of);
  return { count, of, rate: value, interval };
}

function measure(
  key: Measure['key'],
  name: string,
  { before, after }: Impact,
  countIn: (side: ImpactSide) => number,
): Measure {
  const was = toPart(countIn(before), before.events);
  const is = toPart(countIn(after), after.events);
  const { value, interval } = newcombe(Math.min(is.count, is.of), is.of, Math.min(was.count, was.of), was.of);
  const verdict = interval[1] < 0 ? 'better' : interval[0] > 0 ? 'worse' : 'no_difference';
  return { key, name, before: was, after: is, change: { value, interval }, verdict };
}

/** Dropped: dead, suppressed or unaccounted. Unaccounted ones are among them, and stand by themselves too. */
export function toMeasures(impact: Impact): readonly [Measure, Measure, Measure] {
  return [
    measure('dropped', 'dropped', impact, droppedIn),
    measure('late', 'late', impact, ({ late }) => late),
    measure('unaccounted', 'of these unaccounted', impact, unaccountedIn),
  ];
}

/** `0.31% dropped before, none of 40,002 after`. */
export function headlineText({ before, after }: Measure): string {
  const was = before.count === 0 ? `None of ${countText(before.of)}` : percent(before.rate);
  const is = after.count === 0 ? `none of ${countText(after.of)}` : percent(after.rate);
  return `${was} dropped before, ${is} after`;
}

/** What the numbers show, and how sure they are. */
export function verdictText({ before, after, verdict }: Measure): string {
  if (verdict === 'better') return 'It is better, beyond chance.';
  if (verdict === 'worse') return 'It is worse, beyond chance.';
  const bound = percent(after.interval[1]);
  if (after.count === 0 && before.count === 0) return `At 95%, the rate after the change is below ${bound}.`;
  return `These numbers cannot show a difference: at 95%, the rate after the change is below ${bound}.`;
}

/** −0.31 as `−0.31 points`: of percentages. */
export function pointsText(share: number): string {
  if (share === 0) return '0 points';
  const text = percent(Math.abs(share)).replace('%', '');
  return `${share < 0 ? '−' : '+'}${text} points`;
}

const weekMs = 7n * 86_400_000n;

/** Sums of a side at the pace of a week; exact, and rounded down to the minor unit. */
export function aWeek(
  amounts: readonly (Money & { readonly events: number })[],
  side: ImpactSide,
): (Money & { readonly events: number })[] {
  const length = BigInt(Math.max(1, Date.parse(side.until) - Date.parse(side.from)));
  return amounts.map((money) => ({
    ...money,
    amount_minor: String((BigInt(money.amount_minor) * weekMs) / length),
  }));
}
