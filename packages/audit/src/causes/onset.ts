import { type Database, num } from '../database.ts';
import type { Random } from 'posthorn/runtime';
import { findStep } from './statistics.ts';
import { thresholds } from '../thresholds.ts';

const { bins, minRatio, minSide, minTroubled, retried } = thresholds.onset;

/** How much a step needs to be one: see the thresholds. */
interface Limits {
  readonly minDrops: number;
  readonly significance: number;
  /** More of the events that failed must be lost, and not only more fail. */
  readonly comparesFailed: boolean;
}

/** A step in the rate of drops; times in ms since the epoch. */
export interface Onset {
  readonly at: number;
  /** When the rate falls again before the end of the log (the defect was taken back); null if it does not. */
  readonly until: number | null;
  readonly before: number;
  readonly after: number;
  readonly p: number;
}

/**
 * The step in the rate of drops among `of` (a condition on `lost`): the likelihood ratio scan over 200 bins with its
 * permutation p-value, a floor for the effect, and not only because more events failed.
 */
export async function findOnset(
  database: Database,
  of: string,
  random: Random,
  { minDrops, significance, comparesFailed }: Limits = retried,
): Promise<Onset | null> {
  const rows =
    await database.rows(`with bounds as (select min(first_at) as low, greatest(1, max(first_at) - min(first_at) + 1) as span from delivery),
    counted as (select key from lost where verdict = 'silently_dropped' and ${of})
    select least(${bins - 1}, (delivery.first_at - low) * ${bins} // span) as bin, count(*) as n, count(counted.key) as k,
      count(fate.key) filter (fails > 0 or counted.key is not null) as troubled, min(delivery.first_at) as since
    from delivery cross join bounds left join fate using (key) left join counted using (key) group by 1 order by 1`);
  const counts = rows.map((row) => ({
    n: num(row.n),
    k: num(row.k),
    troubled: num(row.troubled),
    since: num(row.since),
  }));
  const step = findStep(counts, random, true);
  if (step === null || step.p >= significance || step.after.k < minDrops) return null;
  const all = step.before.n + step.after.n;
  if (step.after.n < all * minSide || step.before.n < all * minSide) return null;
  const before = step.before.k / step.before.n;
  const spell = findStepEnd(counts.slice(step.at));
  const inside = sum(counts.slice(step.at, step.at + spell.bins));
  const after = inside.k / inside.n;
  if (after < minRatio * before || inside.n < all * minSide || inside.k < minDrops) return null;
  const troubled = counts.map((bin) => ({ n: bin.troubled, k: bin.k }));
  const survivors = troubled.reduce((total, { n, k }) => total + n - k, 0);
  if (comparesFailed && survivors >= minTroubled) {
    const again = findStep(troubled, random, true);
    if (again === null || again.p >= 0.05) return null;
  }
  return {
    at: counts[step.at]!.since,
    until: spell.ended ? counts[step.at + spell.bins]!.since : null,
    before,
    after,
    p: step.p,
  };
}

const sum = (
  of: readonly { readonly n: number; readonly k: number }[],
): { readonly n: number; readonly k: number } => ({
  n: of.reduce((total, { n }) => total + n, 0),
  k: of.reduce((total, { k }) => total + k, 0),
});

/** Finds where a rate that has risen falls again: nothing is lost after that, although many events should have been. */
function findStepEnd(after: readonly { readonly n: number; readonly k: number }[]): {
  readonly bins: number;
  readonly ended: boolean;
} {
  const last = after.findLastIndex(({ k }) => k > 0) + 1;
  const inside = sum(after.slice(0, last));
  const behind = sum(after.slice(last)).n;
  const expected = (behind * inside.k) / Math.max(1, inside.n);
  // The chance of none among so many: e^-expected.
  return expected > Math.log(1 / retried.significance) && last < after.length
    ? { bins: last, ended: true }
    : { bins: after.length, ended: false };
}
