/** Places from one to another, in whatever order they were chosen. */
export interface Selection {
  /** Where it was begun; it ends at the cursor. */
  readonly from: number;
  readonly to: number;
}

/** Where a key brings the cursor; null: it is not a key of a chart. */
export function moved(key: string, cursor: number | null, count: number): number | null {
  const last = count - 1;
  if (last < 0) return null;
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: Math.max(0, (cursor ?? count) - 1),
    ArrowRight: Math.min(last, (cursor ?? -1) + 1),
    Home: 0,
    End: last,
  };
  return moves[key] ?? null;
}

/** The first and the last place of a selection; null: it is one place alone, which is a click. */
export function rangeOf(selection: Selection | null): readonly [first: number, last: number] | null {
  if (selection === null || selection.from === selection.to) return null;
  const { from, to } = selection;
  return from < to ? [from, to] : [to, from];
}
