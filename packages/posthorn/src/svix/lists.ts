import { z } from 'zod';
import { InvalidFields } from './errors.ts';
import type { Context } from './request.ts';

const limit = z.coerce.number().int().min(1).max(250).default(50);
const order = z.enum(['ascending', 'descending']);
const time = z.iso.datetime({ offset: true }).optional();
/** A page before another one begins with a minus. */
const iterator = z.string().max(1024).optional();

type OwnPage = {
  readonly limit: number;
  readonly cursor?: string;
  readonly order: 'asc' | 'desc';
};

interface Asked extends OwnPage {
  readonly isBackward: boolean;
}

const flipped = (order: OwnPage['order']): OwnPage['order'] => (order === 'asc' ? 'desc' : 'asc');

function askedPage({ query }: Pick<Context, 'query'>, usual: OwnPage['order'] | 'always asc'): Asked {
  const asked = query.parse(order.optional(), 'order');
  const given = query.parse(iterator, 'iterator');
  const isBackward = given?.startsWith('-') === true;
  const cursor = isBackward ? given.slice(1) : given;
  const wanted =
    usual === 'always asc' ? 'asc' : asked === undefined ? usual : asked === 'ascending' ? 'asc' : 'desc';
  return {
    limit: query.parse(limit, 'limit'),
    ...(cursor === undefined ? {} : { cursor }),
    order: wanted,
    isBackward,
  };
}

/** The page that a list asks for, as Posthorn's own lists take it: of a list that goes forward only. */
export function pageFrom(context: Pick<Context, 'query'>, usual: OwnPage['order']): OwnPage {
  const { isBackward, ...page } = askedPage(context, usual);
  if (isBackward)
    throw new InvalidFields('query', [
      { path: '/iterator', message: 'cannot go backwards: use the iterator of the previous page' },
    ]);
  return page;
}

interface OwnList<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** A page in the order of its list, and where the pages beside it begin. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly iterator: string | null;
  readonly prevIterator: string | null;
  readonly done: boolean;
}

/**
 * Reads a page of one of Posthorn's own lists, forward or backward. Own lists name the position behind a page only: the one of its
 * first item is that behind a page of this item alone, or if it is the last of the list, the same from the other end.
 */
export async function readPage<Item>(
  context: Pick<Context, 'query'>,
  usual: OwnPage['order'] | 'always asc',
  read: (page: OwnPage) => Promise<OwnList<Item>>,
  keyOf: (item: Item) => string,
): Promise<ListPage<Item>> {
  const { isBackward, ...asked } = askedPage(context, usual);
  const page = isBackward ? { ...asked, order: flipped(asked.order) } : asked;
  const { items, next_cursor: next } = await read(page);
  const [first] = items;
  let beside: string | null = null;
  if (page.cursor !== undefined && first !== undefined) {
    const { cursor: _, ...fromStart } = page;
    for (const place of [page, { ...fromStart, order: flipped(page.order) }]) {
      const alone = await read({ ...place, limit: 1 });
      if (alone.items.length === 1 && keyOf(alone.items[0]!) === keyOf(first)) beside ??= alone.next_cursor;
      if (beside !== null) break;
    }
  }
  const before = (cursor: string | null): string | null => (cursor === null ? null : `-${cursor}`);
  return isBackward
    ? { items: items.toReversed(), iterator: beside, prevIterator: before(next), done: next === null }
    : { items, iterator: next, prevIterator: before(beside), done: next === null };
}

/** The window of a list: `before` and `after` are times of creation. */
export function windowFrom({ query }: Pick<Context, 'query'>): { since?: string; until?: string } {
  const [since, until] = [query.parse(time, 'after'), query.parse(time, 'before')];
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

/** What is answered of a page beside its items. Iterators are opaque; a page may have fewer items than its limit before the end. */
type Beside = Pick<ListPage<unknown>, 'iterator' | 'done'> & { readonly prevIterator?: string | null };

/** Beside a page of a list that goes forward only. */
export const forward = (next: string | null): Beside => ({ iterator: next, done: next === null });

/** A page as it is answered. */
export function listAnswer(
  data: readonly unknown[],
  { iterator: next, prevIterator, done }: Beside,
): { readonly data: readonly unknown[] } & Beside {
  return { data, iterator: next, ...(prevIterator === undefined ? {} : { prevIterator }), done };
}

/** The same, of items that are texts of JSON. */
export function listText(items: readonly string[], page: Beside): string {
  const head = JSON.stringify(listAnswer([], page)).slice('{"data":[]'.length);
  return `{"data":[${items.join(',')}]${head}`;
}
