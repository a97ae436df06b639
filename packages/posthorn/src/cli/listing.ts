import type { Command } from 'commander';
import type { Client } from '@posthorn/client';
import { ask, listOf, orNull, type Shape, shapeOf, strangeAnswer, text } from './answers.ts';
import { CommandError, note } from './output.ts';
import { integerBetween } from './remote.ts';

/** What a page of the API holds at most. */
const maxPage = 1000;
const maxItems = 1_000_000;
const usualItems = 50;
/** Pages without items that may follow each other: a list of nothing but such pages would never end. */
const maxEmptyPages = 100;

/** By field, one value or several. */
export type Filter = Readonly<Record<string, string | readonly string[]>>;

export interface Listing<T> {
  readonly items: readonly T[];
  /** The same as the API answers it: `{items, next_cursor}`, with whatever else its pages say. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Says on standard error how to read on, if there is more. */
  noteMore(): void;
}

/** Adds the options of a list that may be longer than one reads at once. */
export function listOptions(command: Command): Command {
  return command
    .option('--limit <n>', `at most so many (default ${usualItems})`, integerBetween(1, maxItems))
    .option('--cursor <cursor>', 'go on behind a former list');
}

/**
 * Reads a list page by page, up to `--limit`. It never ends early without a word: `next_cursor` and `noteMore` say where to
 * go on (G5).
 */
export async function listed<T>(
  client: Client,
  path: string,
  filter: Filter,
  options: { readonly limit?: number; readonly cursor?: string },
  shape: Shape<T>,
): Promise<Listing<T>> {
  const isPage = shapeOf<{ items: T[]; next_cursor?: string | null }>({
    items: listOf(shape),
    next_cursor: (value) => value === undefined || orNull(text)(value),
  });
  const limit = options.limit ?? usualItems;
  const items: T[] = [];
  let cursor: string | null = options.cursor ?? null;
  let answer: Record<string, unknown>;
  let emptyPages = 0;
  do {
    const query = new URLSearchParams(
      Object.entries(filter).flatMap(([field, values]) => [values].flat().map((value) => [field, value])),
    );
    query.set('limit', String(Math.min(maxPage, limit - items.length)));
    if (cursor !== null) query.set('cursor', cursor);
    const page = await ask(client, isPage, 'GET', `${path}?${query.toString()}`);
    emptyPages = page.items.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > maxEmptyPages) throw strangeAnswer('GET', path);
    items.push(...page.items);
    const next = page.next_cursor ?? null;
    answer = { ...page, items, next_cursor: next };
    // A cursor that leads nowhere would lead there for ever.
    if (next === cursor) break;
    cursor = next;
  } while (cursor !== null && items.length < limit);
  const more = cursor;
  return {
    items,
    answer,
    noteMore: () => {
      if (more !== null)
        note(
          `There are more than these ${items.length.toLocaleString('en-US')}: raise --limit, or go on with --cursor ${more}`,
        );
    },
  };
}

/** Options that read a list to its end. */
export const everything = { limit: maxItems } as const;

/** Reads a list to its end. */
export async function everyItem<T>(
  client: Client,
  path: string,
  shape: Shape<T>,
  filter: Filter = {},
): Promise<T[]> {
  const { items, answer } = await listed<T>(client, path, filter, everything, shape);
  if (answer['next_cursor'] !== null) throw new CommandError(`${path} has more than ${maxItems} items`);
  return [...items];
}
