import { ApiError } from './errors.ts';

/** The answer of a list. */
export interface ListAnswer<Item = unknown> {
  readonly items: readonly Item[];
  /** Null: this is the last page. */
  readonly nextCursor: string | null;
}
type ItemOf<Answer extends ListAnswer> = Answer['items'][number];

/** One page of a list. Iterating it requests the following pages. */
export type Page<Answer extends ListAnswer> = Answer &
  AsyncIterable<ItemOf<Answer>> & {
    /** This page and the following ones. */
    pages(): AsyncIterable<Page<Answer>>;
  };

/**
 * A list that is asked for when it is awaited (its first page) or iterated (every item, page by page).
 *
 *     const { items, nextCursor } = await client.deliveries.list({ state: 'dead' });
 *     for await (const delivery of client.deliveries.list({ state: 'dead' })) …
 */
export interface PageRequest<Answer extends ListAnswer>
  extends Promise<Page<Answer>>, AsyncIterable<ItemOf<Answer>> {
  pages(): AsyncIterable<Page<Answer>>;
}

/**
 * Consecutive pages without items, as from a search that finds nothing in many rows: a list of only such pages would
 * never end.
 */
const maxEmptyPages = 1000;

/** `read` requests the page behind a cursor; null is where the caller wants to begin. */
export function pageRequest<Item, Answer extends ListAnswer<Item>>(
  read: (cursor: string | null) => Promise<Answer>,
): PageRequest<Answer> {
  let first: Promise<Page<Answer>> | null = null;
  const start = (): Promise<Page<Answer>> => (first ??= read(null).then((answer) => toPage(answer, read)));
  async function* pages(): AsyncGenerator<Page<Answer>> {
    yield* (await start()).pages();
  }
  return {
    // oxlint-disable-next-line unicorn/no-thenable
    then: (fulfilled, rejected) => start().then(fulfilled, rejected),
    catch: (rejected) => start().catch(rejected),
    finally: (settled) => start().finally(settled),
    [Symbol.toStringTag]: 'PageRequest',
    [Symbol.asyncIterator]: () => itemsOf<Item>(pages()),
    pages,
  };
}

async function* itemsOf<Item>(pages: AsyncIterable<ListAnswer<Item>>): AsyncGenerator<Item> {
  for await (const { items } of pages) yield* items;
}

function toPage<Item, Answer extends ListAnswer<Item>>(
  answer: Answer,
  read: (cursor: string) => Promise<Answer>,
): Page<Answer> {
  async function* pages(): AsyncGenerator<Page<Answer>> {
    yield page;
    let empty = 0;
    for (let { items, nextCursor } = page; nextCursor !== null;) {
      empty = items.length === 0 ? empty + 1 : 0;
      const next = toPage(await read(nextCursor), read);
      // A cursor that leads nowhere would do so forever (G5: a list ends neither early nor never).
      if (next.nextCursor === nextCursor || empty > maxEmptyPages)
        throw new ApiError(200, 'garbled', 'the pages of the list do not end; check the URL');
      yield next;
      ({ items, nextCursor } = next);
    }
  }
  // Not enumerable: a page printed as JSON is what the server answered.
  const page = Object.defineProperties(
    { ...answer },
    {
      pages: { value: pages },
      [Symbol.asyncIterator]: { value: () => itemsOf<Item>(pages()) },
    },
  ) as Page<Answer>;
  return page;
}
