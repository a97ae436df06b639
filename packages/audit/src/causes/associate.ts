import { type Database, num } from '../database.ts';
import { benjaminiHochberg, independence, riskRatio, type Table } from './statistics.ts';
import type { Rule } from './rule.ts';
import { rules } from './rules.ts';
import { thresholds } from '../thresholds.ts';

const {
  minRatio,
  minEvents,
  minFew,
  fewSignificance,
  minProofs,
  significance,
  givenUpSignificance,
  nearlyAsMuch,
} = thresholds.causes;

// Which kinds of failure go with loss. Lost events are compared with events that also failed and were delivered in the
// end: a kind of failure that is lost no more often than others is not a cause.

/** A cause that stands out, with the figures of its test. */
export interface Named {
  readonly rule: Rule;
  readonly table: Table;
  readonly test: string;
  /** Corrected by Benjamini and Hochberg over everything that was tested together with it. */
  readonly p: number;
  readonly ratio: number;
  readonly interval: readonly [number, number];
}

interface Tested extends Named {
  /** Share of the events with the sign that were lost. */
  readonly share: number;
  /** Only events that never failed were left to compare with. */
  readonly againstAll: boolean;
}

/**
 * Gives each lost event its cause (column `cause` of `lost`, null until one is found). The cause that stands out and
 * explains most of the unexplained events takes them; then the rest is tested again, until nothing stands out. Proofs
 * come before signs that are only enriched.
 */
export async function associate(
  database: Database,
  verdict: 'silently_dropped' | 'given_up',
  total: number,
): Promise<Named[]> {
  const named: Named[] = [];
  for (;;) {
    const tested = await testAll(database, verdict, total, new Set(named.map(({ rule }) => rule.sign)));
    const standing = tested.filter((one) => (verdict === 'given_up' ? standsGivenUp(one) : stands(one)));
    const proof = standing.find(({ rule }) => rule.kind === 'proof');
    const most = Math.max(0, ...standing.map(({ table: [[lost]] }) => lost));
    const best = proof ?? standing.find(({ table: [[lost]] }) => lost >= nearlyAsMuch * most);
    if (best === undefined) return named;
    named.push(best);
    await database.run(
      `update lost set cause = '${best.rule.cause}' where verdict = '${verdict}' and cause is null and s_${best.rule.sign}`,
    );
  }
}

async function testAll(
  database: Database,
  verdict: 'silently_dropped' | 'given_up',
  total: number,
  done: ReadonlySet<string>,
): Promise<Tested[]> {
  const left = rules.filter(
    ({ sign, kind }) => !done.has(sign) && (verdict === 'silently_dropped' || kind === 'support'),
  );
  if (left.length === 0) return [];
  const lost = await database.row(
    `select count(*) as n, ${left.map(({ sign }) => `count(*) filter (s_${sign}) as ${sign}`).join(', ')} from lost where verdict = '${verdict}' and cause is null`,
  );
  const fine = await database.row(
    `select count(*) as n, ${left.map(({ sign }) => `count(*) filter (s_${sign}) as ${sign}`).join(', ')} from signs where ok and fails > 0`,
  );
  const tested = left.flatMap((rule): Tested[] => {
    const a = num(lost[rule.sign]);
    if (a === 0) return [];
    const b = num(fine[rule.sign]);
    const c = num(lost['n']) - a;
    // Everything is the contrast only if nearly nothing failed and was delivered later, or if all of that shows the sign.
    const againstAll = num(fine['n']) < minEvents || num(fine['n']) - b + c === 0;
    const d = againstAll ? Math.max(0, total - a - b - c) : num(fine['n']) - b;
    const table: Table = [
      [a, b],
      [c, d],
    ];
    const { name: test, p } = independence(table);
    return [{ rule, table, test, p, ...riskRatio(table), share: a / (a + b), againstAll }];
  });
  const corrected = benjaminiHochberg(tested.map(({ p }) => p));
  return tested.map((one, index) => ({ ...one, p: corrected[index]! }));
}

function stands({ rule, table, p, ratio, share, againstAll }: Tested): boolean {
  const [[a], [c]] = table;
  const isProof = rule.kind === 'proof';
  // If nothing else is lost, there is nothing to compare with: an illegal transition that is lost more often than not is enough.
  if (isProof && a >= c && share >= 0.5) return true;
  // A few are enough if nearly everything that was lost shows the sign, and hardly anything else.
  const isClear = a >= minFew && a >= c * 4 && p < fewSignificance;
  if (a < (isProof ? minProofs : minEvents) && !isClear) return false;
  if (p >= significance || ratio < minRatio) return false;
  // Any kind of failure stands out against events that never failed, so it must also be fatal more often than not.
  return !againstAll || share >= 0.5;
}

function standsGivenUp({ table, p, ratio, share, againstAll }: Tested): boolean {
  const [[a], [c]] = table;
  return (
    a >= minEvents &&
    ratio >= minRatio &&
    p < givenUpSignificance &&
    // More attempts meet more kinds of failure, so this one must have been fatal more often than not.
    share >= 0.5 &&
    // Without anything to compare with, nearly all of them must have ended in this way.
    (!againstAll || a >= 4 * c)
  );
}
