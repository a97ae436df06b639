import { binomialTail } from 'posthorn/domain';
import type { Random } from 'posthorn/runtime';

/** A 2 × 2 table: [[lost with it, not lost with it], [lost without it, not lost without it]]. */
export type Table = readonly [readonly [number, number], readonly [number, number]];

const logFactorials: number[] = [0];
/** ln n!: exact sums up to 10,000, Stirling's series beyond (relative error below 1e-15 there). */
function logFactorial(n: number): number {
  if (n > 10_000)
    return n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n) - 1 / (360 * n ** 3);
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push(logFactorials[i - 1]! + Math.log(i));
  return logFactorials[n]!;
}

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/**
 * Fisher's exact test, two-sided: the probability, given both margins, of a table as unlikely as this one or
 * more unlikely (Fisher 1935; R's fisher.test).
 */
export function fisherExact([[a, b], [c, d]]: Table): number {
  const row = a + b;
  const column = a + c;
  const n = a + b + c + d;
  const log = (x: number): number =>
    logChoose(row, x) + logChoose(n - row, column - x) - logChoose(n, column);
  const least = Math.max(0, column - (n - row));
  const most = Math.min(row, column);
  const seen = log(a);
  let p = 0;
  // As in R, equally likely up to rounding counts as not more likely.
  for (let x = least; x <= most; x++) {
    const at = log(x);
    if (at <= seen + 1e-7) p += Math.exp(at);
  }
  return Math.min(1, p);
}

/** The upper tail of chi-squared with one degree of freedom: erfc(√(x/2)). */
export function chiSquaredTail(x: number): number {
  return erfc(Math.sqrt(Math.max(0, x) / 2));
}

/** erfc for x ≥ 0: its series below 2.5, the continued fraction (Abramowitz and Stegun 7.1.5, 7.1.14) above. */
function erfc(x: number): number {
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return Math.max(0, 1 - (2 / Math.sqrt(Math.PI)) * sum);
  }
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** G-test of independence without correction: 2 Σ O ln(O/E), one degree of freedom (Sokal and Rohlf). */
export function gTest([[a, b], [c, d]]: Table): { readonly g: number; readonly p: number } {
  const n = a + b + c + d;
  const part = (seen: number, row: number, column: number): number =>
    seen === 0 ? 0 : seen * Math.log((seen * n) / (row * column));
  const g =
    2 * (part(a, a + b, a + c) + part(b, a + b, b + d) + part(c, c + d, a + c) + part(d, c + d, b + d));
  return { g: Math.max(0, g), p: chiSquaredTail(g) };
}

/** Uses Fisher's test if a cell is expected below five (or the table is small anyway), otherwise the G-test. */
export function independence(table: Table): { readonly name: string; readonly p: number } {
  const [[a, b], [c, d]] = table;
  const n = a + b + c + d;
  const least = (Math.min(a + b, c + d) * Math.min(a + c, b + d)) / Math.max(1, n);
  return least < 5 ? { name: 'Fisher exact', p: fisherExact(table) } : { name: 'G-test', p: gTest(table).p };
}

/** Risk ratio with its 95% interval on the log scale (Katz 1978); half a count is added if a cell is zero. */
export function riskRatio(table: Table): {
  readonly ratio: number;
  readonly interval: readonly [number, number];
} {
  const shift = table.flat().some((cell) => cell === 0) ? 0.5 : 0;
  const [[a, b], [c, d]] = table.map((row) => row.map((cell) => cell + shift)) as unknown as Table;
  const ratio = a / (a + b) / (c / (c + d));
  const spread = 1.959963984540054 * Math.sqrt(Math.max(0, 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)));
  return { ratio, interval: [ratio * Math.exp(-spread), ratio * Math.exp(spread)] };
}

/** p-values corrected for the false discovery rate (Benjamini and Hochberg 1995), in the order given. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => b.p - a.p);
  const corrected = Array.from<number>({ length: pValues.length });
  let least = 1;
  for (const [place, { p, index }] of order.entries()) {
    least = Math.min(least, (p * pValues.length) / (pValues.length - place));
    corrected[index] = least;
  }
  return corrected;
}

/** p-values corrected for the family-wise error rate of several tests (Holm 1979). */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const corrected = Array.from<number>({ length: pValues.length });
  let most = 0;
  for (const [place, { p, index }] of order.entries()) {
    most = Math.max(most, Math.min(1, p * (pValues.length - place)));
    corrected[index] = most;
  }
  return corrected;
}

/**
 * Finds the runs of a sequence in which hits are so dense that the rate `dense` is likelier than `usual` by a log
 * likelihood ratio of `least` or more: all maximal scoring subsequences, in linear time (Ruzzo and Tompa 1999), each by
 * its first and last index, both hits.
 */
export function denseRuns(
  hits: readonly boolean[],
  usual: number,
  dense: number,
  least: number,
): (readonly [number, number])[] {
  const hit = Math.log(dense / usual);
  const miss = Math.log((1 - dense) / (1 - usual));
  const runs: { first: number; last: number; below: number; above: number }[] = [];
  let sum = 0;
  for (const [place, isHit] of hits.entries()) {
    if (!isHit) {
      sum += miss;
      continue;
    }
    const run = { first: place, last: place, below: sum, above: sum + hit };
    sum += hit;
    for (;;) {
      const before = runs.findLastIndex(({ below }) => below < run.below);
      if (before < 0 || runs[before]!.above >= run.above) break;
      run.first = runs[before]!.first;
      run.below = runs[before]!.below;
      runs.length = before;
    }
    runs.push(run);
  }
  return runs
    .filter(({ below, above }) => above - below >= least)
    .map(({ first, last }) => [first, last] as const);
}

/**
 * Tests whether more of the events fall into a share of the exposure than that share predicts: the
 * exact test of two Poisson rates, conditional on their sum (Przyborowski and Wilenski 1940), one-sided.
 */
export function poissonRates(inside: number, outside: number, exposureShare: number): number {
  return binomialTail(inside, inside + outside, exposureShare);
}

/**
 * Cochran's and Armitage's test for a trend of k/n over ordered groups with scores 0, 1, 2, …: z and the one-sided p
 * of an upward trend.
 */
export function trend(groups: readonly { readonly n: number; readonly k: number }[]): {
  readonly z: number;
  readonly p: number;
} {
  const n = groups.reduce((sum, group) => sum + group.n, 0);
  const k = groups.reduce((sum, group) => sum + group.k, 0);
  const share = k / n;
  const scores = groups.map((_, index) => index);
  const t = groups.reduce((sum, group, index) => sum + scores[index]! * (group.k - group.n * share), 0);
  const mean = groups.reduce((sum, group, index) => sum + scores[index]! * group.n, 0) / n;
  const spread = groups.reduce((sum, group, index) => sum + group.n * (scores[index]! - mean) ** 2, 0);
  const variance = share * (1 - share) * spread;
  if (!(variance > 0)) return { z: 0, p: 1 };
  const z = t / Math.sqrt(variance);
  return { z, p: z < 0 ? 1 - chiSquaredTail(z * z) / 2 : chiSquaredTail(z * z) / 2 };
}

/** A step in ordered bins. */
export interface Step {
  /** The first bin after the step. */
  readonly at: number;
  readonly before: { readonly n: number; readonly k: number };
  readonly after: { readonly n: number; readonly k: number };
  /** The p-value of the largest log likelihood ratio over all places, by permutation. */
  readonly p: number;
}

const maxPermutations = 999;
/** The limit of draws for all permutations together, so that a log with many drops does not take longer. */
const maxDraws = 3_000_000;

/**
 * Finds the one place at which the rate k/n changes most: the binomial likelihood ratio at every boundary, scaled
 * down if the counts on both sides vary more than by chance. The p-value comes from repeatedly distributing the same k over
 * the same n, or from Chernoff's bound if it is too small for that. Null with fewer than two bins or without any k. `upward`: only rises count.
 */
export function findStep(
  bins: readonly { readonly n: number; readonly k: number }[],
  random: Random,
  upward: boolean,
): Step | null {
  const n = bins.reduce((sum, bin) => sum + bin.n, 0);
  const k = bins.reduce((sum, bin) => sum + bin.k, 0);
  if (bins.length < 2 || k === 0 || n === 0) return null;
  const cumulative = bins.map((_, index) => bins.slice(0, index + 1).reduce((sum, bin) => sum + bin.n, 0));
  const best = strongest(
    bins.map((bin) => bin.k),
    cumulative,
    k,
    upward,
  );
  if (best.at === 0) return null;
  const scale = dispersion(bins, best.at);
  // Chernoff bounds the probability that one boundary is this uneven; over all boundaries, the sum is the bound.
  const bound = 2 * bins.length * Math.exp(-best.ratio / scale);
  const dealtP = (): number => {
    const permutations = Math.max(99, Math.min(maxPermutations, Math.floor(maxDraws / k)));
    let asStrong = 0;
    for (let round = 0; round < permutations; round++) {
      const dealt = Array.from<number>({ length: bins.length }).fill(0);
      for (let i = 0; i < k; i++) dealt[place(cumulative, random.float() * n)]!++;
      if (strongest(dealt, cumulative, k, upward).ratio >= best.ratio / scale) asStrong++;
    }
    return (asStrong + 1) / (permutations + 1);
  };
  const side = (from: number, to: number): { n: number; k: number } => ({
    n: bins.slice(from, to).reduce((sum, bin) => sum + bin.n, 0),
    k: bins.slice(from, to).reduce((sum, bin) => sum + bin.k, 0),
  });
  return {
    at: best.at,
    before: side(0, best.at),
    after: side(best.at, bins.length),
    p: bound < 1 / (maxPermutations + 1) ? bound : dealtP(),
  };
}

/** Returns the first bin whose cumulative count exceeds `at`. */
function place(cumulative: readonly number[], at: number): number {
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

function strongest(
  counts: readonly number[],
  cumulative: readonly number[],
  k: number,
  upward: boolean,
): { at: number; ratio: number } {
  const n = cumulative.at(-1)!;
  const whole = likelihood(k, n);
  let best = { at: 0, ratio: 0 };
  let left = 0;
  for (let index = 1; index < counts.length; index++) {
    left += counts[index - 1]!;
    const leftN = cumulative[index - 1]!;
    if (leftN === 0 || leftN === n) continue;
    const rises = left / leftN < (k - left) / (n - leftN);
    if (upward && !rises) continue;
    const ratio = likelihood(left, leftN) + likelihood(k - left, n - leftN) - whole;
    if (ratio > best.ratio) best = { at: index, ratio };
  }
  return best;
}

/** Returns the maximum log likelihood of k of n. */
function likelihood(k: number, n: number): number {
  if (k <= 0 || k >= n) return 0;
  return k * Math.log(k / n) + (n - k) * Math.log(1 - k / n);
}

/** Pearson's χ² per degree of freedom around the rates of the two sides; at least 1. */
function dispersion(bins: readonly { readonly n: number; readonly k: number }[], at: number): number {
  let sum = 0;
  let degrees = -2;
  for (const side of [bins.slice(0, at), bins.slice(at)]) {
    const n = side.reduce((total, bin) => total + bin.n, 0);
    const rate = side.reduce((total, bin) => total + bin.k, 0) / Math.max(1, n);
    for (const bin of side) {
      const expected = bin.n * rate;
      if (expected === 0) continue;
      degrees++;
      sum += (bin.k - expected) ** 2 / expected;
    }
  }
  return degrees < 5 ? 1 : Math.max(1, sum / degrees);
}
