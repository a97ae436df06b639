import { type Database, num } from '../database.ts';
import type { LineFacts } from './timeline.ts';
import { dayMs } from 'posthorn/domain';
import { thresholds } from '../thresholds.ts';

const { gapAround, gapDoubt, gapLines } = thresholds.timeline;

// Gaps in the log itself: rotation, a collector that was down, a day that was not exported. The lines of that time are
// unknown, so no event that was waiting then is called lost.

const maxBins = 2000;

/** Returns the first index whose bin is not before `bin`. */
function findBin(bins: readonly { readonly bin: number }[], bin: number): number {
  let low = 0;
  let high = bins.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bins[middle]!.bin < bin) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A silence, in ms since the epoch, and the number of lines expected by the rate around it. */
export interface Silence {
  readonly from: number;
  readonly to: number;
  readonly lines: number;
}

/**
 * Finds silences that are too long for the rate around them. If lines came at random, the expected lines in a pause would be
 * exponential with mean 1; their 99th percentile shows how much burstier this log is.
 */
export function silences(
  bins: readonly { readonly bin: number; readonly n: number }[],
  binMs: number,
): Silence[] {
  const cumulative = [0];
  for (const { n } of bins) cumulative.push(cumulative.at(-1)! + n);
  /** Returns the lines per bin in [low, high), including empty bins. */
  const rateBetween = (low: number, high: number): number =>
    (cumulative[high]! - cumulative[low]!) / (bins[high - 1]!.bin - bins[low]!.bin + 1);
  const pauses = bins.slice(1).flatMap(({ bin }, index) => {
    const empty = bin - bins[index]!.bin - 1;
    if (empty === 0) return [];
    const rate = Math.min(
      rateBetween(Math.max(0, index + 1 - gapAround), index + 1),
      rateBetween(index + 1, Math.min(bins.length, index + 1 + gapAround)),
    );
    return [{ from: bins[index]!.bin + 1, empty, lines: empty * rate }];
  });
  const ordered = pauses.map(({ lines }) => lines).toSorted((a, b) => a - b);
  // Most neighboring bins have no pause between them.
  const high = ordered[ordered.length - 1 - Math.floor(bins.length / 100)] ?? 0;
  const burstiness = Math.max(1, high / Math.log(100));
  const least = Math.max(gapLines, burstiness * Math.log(Math.max(2, bins.length) / gapDoubt));
  const dayBins = dayMs / binMs;
  /** Counts the lines in the bins [from, to). */
  const countIn = (from: number, to: number): number =>
    cumulative[findBin(bins, to)]! - cumulative[findBin(bins, from)]!;
  const first = bins[0]?.bin ?? 0;
  const last = bins.at(-1)?.bin ?? 0;
  // A night or a weekend that is as quiet on other days is not a gap.
  const isHabit = (from: number, empty: number): boolean => {
    const days = Array.from({ length: 29 }, (_, index) => index - 14).filter((day) => {
      const at = from + day * dayBins;
      return day !== 0 && at >= first && at + empty <= last;
    });
    const others = days.map((day) => countIn(from + day * dayBins, from + day * dayBins + empty));
    const weeks = others.filter((_, index) => days[index]! % 7 === 0);
    const middle = others.toSorted((a, b) => a - b)[others.length >> 1] ?? Infinity;
    return middle < gapLines / 2 || weeks.some((n) => n < gapLines / 4);
  };
  return pauses
    .filter(({ from, empty, lines }) => lines >= least && !isHabit(from, empty))
    .map(({ from, empty, lines }) => ({
      from: from * binMs,
      to: (from + empty) * binMs,
      lines: Math.round(lines),
    }));
}

/**
 * Finds the silences of the log and writes those to `gap` in which lines were written and are missing here. If the sender
 * itself was down, that is not a gap: it makes the overdue attempts when it comes back.
 */
export async function findGaps(database: Database, facts: LineFacts): Promise<Silence[]> {
  const binMs = Math.max(1000, Math.round(Math.max(1, facts.to - facts.from) / maxBins));
  const rows = await database.rows(
    `select t // ${binMs} as bin, count(*) as n from line group by 1 order by 1`,
  );
  const found = silences(
    rows.map((row) => ({ bin: num(row.bin), n: num(row.n) })),
    binMs,
  );
  await database.run('create table gap (begins bigint, ends bigint)');
  const holes: Silence[] = [];
  for (const one of found) {
    const across = await database.row(`select count(*) as n from attempt
      where coalesce(ended_last, started_at) < ${one.from} and next_started between ${one.to - binMs} and ${one.to + (one.to - one.from)}
        and next_first between ${one.from + binMs} and ${one.to - binMs}`);
    if (num(across.n) === 0) holes.push(one);
  }
  if (holes.length > 0)
    await database.run(
      `insert into gap values ${holes.map(({ from, to }) => `(${from}, ${to})`).join(', ')}`,
    );
  return found;
}
