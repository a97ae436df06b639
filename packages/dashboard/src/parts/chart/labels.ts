/** Words beside each other that would run into one another. Pure. */

export interface Placed {
  readonly from: number;
  readonly to: number;
}

/** Which of these have room: the last wins, and one that would touch another that is shown is left out. */
export function withRoom(placed: readonly Placed[], gapPx: number): readonly boolean[] {
  const shown: Placed[] = [];
  return placed
    .toReversed()
    .map((one) => {
      const isFree = shown.every(({ from, to }) => one.to + gapPx <= from || to + gapPx <= one.from);
      if (isFree) shown.push(one);
      return isFree;
    })
    .toReversed();
}

/** The same heights, moved apart downward until none is nearer than a line to the one above it. */
export function apart(heights: readonly number[], linePx: number): readonly number[] {
  const order = heights.map((_, index) => index).toSorted((a, b) => heights[a]! - heights[b]!);
  const moved = [...heights];
  for (const [at, index] of order.entries()) {
    const above = order[at - 1];
    if (above !== undefined) moved[index] = Math.max(moved[index]!, moved[above]! + linePx);
  }
  return moved;
}
