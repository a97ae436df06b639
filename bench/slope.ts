// Whether a series grows. A leak is slow beside the noise of what a garbage collector or a checkpoint does, so the slope is
// Theil and Sen's, the median of the slopes between all pairs, and its uncertainty that of Kendall's test of rank.

export interface Slope {
  /** Units of the series a unit of time. */
  readonly slope: number;
  /** With 99% confidence it is not below, and not above. */
  readonly low: number;
  readonly high: number;
}

/** Standard deviations of 99% confidence, both sides. */
const z = 2.576;

/** At least four points. */
export function slopeOf(points: readonly (readonly [at: number, value: number])[]): Slope {
  const slopes: number[] = [];
  for (const [index, [at, value]] of points.entries())
    for (const [later, next] of points.slice(index + 1)) slopes.push((next - value) / (later - at));
  slopes.sort((a, b) => a - b);
  const n = points.length;
  const spread = z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))]!;
  return {
    slope: (at((slopes.length - 1) / 2) + at(slopes.length / 2)) / 2,
    low: at((slopes.length - spread) / 2 - 1),
    high: at((slopes.length + spread) / 2),
  };
}

/** Medians of consecutive points: neighbours depend on each other, and the test of rank counts them as if they did not. */
export function blocks(
  points: readonly (readonly [at: number, value: number])[],
  count: number,
): (readonly [at: number, value: number])[] {
  const size = Math.ceil(points.length / count);
  const median = (of: readonly number[]): number => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)]!;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, n) => {
    const block = points.slice(n * size, (n + 1) * size);
    return [median(block.map(([at]) => at)), median(block.map(([, value]) => value))] as const;
  });
}
