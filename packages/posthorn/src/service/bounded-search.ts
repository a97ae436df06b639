import { iso } from '../domain/time.ts';
import type { Clock } from '../runtime/clock.ts';
import { decodeCursor, encodeCursor, firstItems, invalidCursor } from './paging.ts';

/** Limits of one call, however little it finds. */
const maxRows = 200_000;
const maxMs = 200;
/** Rows per step: other reads get their turn between two steps (G8). */
const stepRows = 5000;

/** What a store's search reports about a step. */
export interface Step<Key, Item> {
  readonly items: readonly Item[];
  readonly rowsRead: number;
  /** Where to continue; null: nothing is left. */
  readonly next: Key | null;
  /** The time of the last row that was read; null if nothing is left. */
  readonly searchedTo: number | null;
}

/** Searches step by step until the page is full, nothing is left, or the call has reached its limits. */
export async function searchBounded<Key, Item>(
  clock: Pick<Clock, 'monotonic'>,
  { after, limit }: { readonly after: Key | null; readonly limit: number },
  step: (page: {
    readonly after: Key | null;
    readonly limit: number;
    readonly maxRows: number;
  }) => Promise<Step<Key, Item>>,
): Promise<Step<Key, Item>> {
  const endsAt = clock.monotonic() + maxMs;
  const items: Item[] = [];
  let rowsRead = 0;
  for (let at = after; ;) {
    const found = await step({ after: at, limit: limit - items.length, maxRows: stepRows });
    items.push(...found.items);
    rowsRead += found.rowsRead;
    const { next, searchedTo } = found;
    const hasEnough = items.length >= limit || rowsRead + stepRows > maxRows || clock.monotonic() >= endsAt;
    if (next === null || hasEnough) return { items, rowsRead, next, searchedTo };
    at = next;
  }
}

/**
 * The page of a bounded search for one item more than `limit`: its cursor continues after the last item, or after
 * everything that was searched.
 */
export function searchedPage<Key, Item>(
  items: readonly Item[],
  limit: number,
  { next, searchedTo, rowsRead }: Step<Key, unknown>,
  of: {
    readonly cursorOf: (item: Item) => string;
    readonly cursorAt: (next: Key) => string;
    readonly timeOf: (item: Item) => string;
  },
): {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  readonly searched_to: string | null;
  readonly rows_read: number | null;
} {
  const page = firstItems(items, limit);
  const last = page.at(-1);
  if (last !== undefined && page.length < items.length)
    return {
      items: page,
      next_cursor: encodeCursor(of.cursorOf(last)),
      searched_to: of.timeOf(last),
      rows_read: rowsRead,
    };
  return {
    items: page,
    next_cursor: next === null ? null : encodeCursor(of.cursorAt(next)),
    searched_to: searchedTo === null ? null : iso(searchedTo),
    rows_read: rowsRead,
  };
}

/** A cursor that contains the number of a row. */
export function numberCursor(cursor: string | undefined): number | null {
  const text = decodeCursor(cursor);
  if (text === null) return null;
  if (!/^\d{1,16}$/.test(text)) throw invalidCursor();
  return Number(text);
}
