import { PosthornError } from '../domain/errors.ts';
import type { Order } from '../store/store.ts';

export interface Page {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly order?: Order;
}

/** The position of an item in its list: compared part by part, numbers as numbers and text by code unit. */
export type Position = readonly (string | number)[];

/** An answer is printed and sent in one piece: a page ends before this length, whatever `limit` says. */
const maxPageLength = 4 * 1024 * 1024;

/** The first `limit` items, or fewer if they are large; at least one. */
export function firstItems<T>(items: readonly T[], limit: number): readonly T[] {
  let length = 0;
  for (let count = 0; count < Math.min(limit, items.length); count++) {
    length += JSON.stringify(items[count], (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ).length;
    if (length > maxPageLength && count > 0) return items.slice(0, count);
  }
  return items.slice(0, limit);
}

/**
 * One page of a list that is read as a whole, in the order of `positionOf`, which is called `usual`, or reversed. The
 * cursor contains the position of the last item, so that a list that changes between two pages neither repeats nor
 * skips an item that keeps its position.
 */
export function toPage<T>(
  items: readonly T[],
  { limit, cursor, order }: Page,
  positionOf: (item: T) => Position,
  usual: Order = 'asc',
): { readonly items: readonly T[]; readonly next_cursor: string | null } {
  const after = positionIn(cursor);
  const direction = order === undefined || order === usual ? 1 : -1;
  const placed = items
    .map((item) => ({ item, at: positionOf(item) }))
    .filter(({ at }) => after === null || direction * compare(at, after) > 0)
    .toSorted((a, b) => direction * compare(a.at, b.at));
  const page = firstItems(
    placed.map(({ item }) => item),
    limit,
  );
  return {
    items: page,
    next_cursor:
      placed.length > page.length ? encodeCursor(JSON.stringify(placed[page.length - 1]!.at)) : null,
  };
}

/** The same for what a store reads page by page: `items` has one more than the page if there are more. */
export function pageRead<T>(
  items: readonly T[],
  limit: number,
  cursorOf: (item: T) => string,
): { readonly items: readonly T[]; readonly next_cursor: string | null } {
  const page = firstItems(items, limit);
  return {
    items: page,
    next_cursor: items.length > page.length ? encodeCursor(cursorOf(page.at(-1)!)) : null,
  };
}

function positionIn(cursor: string | undefined): Position | null {
  const text = decodeCursor(cursor);
  if (text === null) return null;
  let position: unknown;
  try {
    position = JSON.parse(text);
  } catch {
    throw invalidCursor();
  }
  const isPosition =
    Array.isArray(position) &&
    position.length > 0 &&
    position.every((part) => typeof part === 'string' || typeof part === 'number');
  if (!isPosition) throw invalidCursor();
  return position as Position;
}

function compare(a: Position, b: Position): number {
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    if (typeof part === typeof other) return part < other ? -1 : 1;
    return typeof part === 'number' ? -1 : 1;
  }
  return a.length - b.length;
}

export function encodeCursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

export function invalidCursor(): PosthornError {
  return new PosthornError('invalid_request', 'Invalid cursor: use next_cursor from the previous page', [
    { path: '/cursor', message: 'is not a cursor of this list' },
  ]);
}

export function decodeCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString();
  if (text === '') throw invalidCursor();
  return text;
}
