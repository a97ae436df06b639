import type { Command } from 'commander';
import { ApiError, type ListAnswer, type PageRequest } from '@posthorn/client';
import { CommandError, note } from './output.ts';
import { integerBetween } from './remote.ts';

/** The maximum page size of the API. */
const maxPage = 1000;
const maxItems = 1_000_000;
const usualItems = 50;
/**
 * Consecutive pages without items, as from a search that finds nothing in many rows: a list of only such pages would
 * never end.
 */
const maxEmptyPages = 1000;

export interface Listing<Answer extends ListAnswer> {
  readonly items: Answer['items'];
  /** As one page with all of them. */
  readonly answer: Answer;
  /** If there is more, prints to standard error how to read on. */
  noteMore(): void;
}

/** The requested part of a list. */
export interface Page {
  readonly limit: number;
  readonly cursor?: string;
}

/** Adds the options of a list that may be longer than one reads at once. */
export function listOptions(command: Command): Command {
  return command
    .option('--limit <n>', `maximum number of items (default ${usualItems})`, integerBetween(1, maxItems))
    .option('--cursor <cursor>', 'continue after a previous list');
}

/** Sets the list that a group of commands shows if none of them is named. */
export function addDefaultList(group: Command, list: Command): Command {
  // Commander treats an unknown name as an argument of the default command.
  list.allowExcessArguments().hook('preAction', ({ args: [unknown] }) => {
    if (unknown === undefined) return;
    const names = group.commands.map((command) => command.name()).join(', ');
    group.error(`error: unknown command '${unknown}'. ${group.name()} has: ${names}`);
  });
  return group.addCommand(list, { isDefault: true });
}

/**
 * Reads a list page by page, up to `--limit`. It never ends early silently: `nextCursor` and `noteMore` say where to
 * continue (G5).
 */
export async function listed<Answer extends ListAnswer>(
  read: (page: Page) => PageRequest<Answer>,
  options: { readonly limit?: number; readonly cursor?: string },
): Promise<Listing<Answer>> {
  const limit = options.limit ?? usualItems;
  const items: Answer['items'][number][] = [];
  let cursor: string | null = options.cursor ?? null;
  let answer: Answer;
  let emptyPages = 0;
  do {
    const size = Math.min(maxPage, limit - items.length);
    answer = await read(cursor === null ? { limit: size } : { limit: size, cursor });
    emptyPages = answer.items.length === 0 ? emptyPages + 1 : 0;
    if (emptyPages > maxEmptyPages)
      throw new ApiError(200, 'garbled', 'the pages of the list do not end; check the URL');
    items.push(...answer.items);
    // A cursor that leads nowhere would do so forever.
    if (answer.nextCursor === cursor) break;
    cursor = answer.nextCursor;
  } while (cursor !== null && items.length < limit);
  return {
    items,
    answer: { ...answer, items },
    noteMore: () => {
      if (cursor !== null)
        note(
          `There are more than these ${items.length.toLocaleString('en-US')}: raise --limit, or continue with --cursor ${cursor}`,
        );
    },
  };
}

/** The pages of a list of any length, one after the other. */
export async function* everyPage<Answer extends ListAnswer>(
  read: (page: Page) => PageRequest<Answer>,
): AsyncGenerator<Answer> {
  let cursor: string | null = null;
  do {
    const answer: Answer = await read(cursor === null ? { limit: maxPage } : { limit: maxPage, cursor });
    if (answer.nextCursor === cursor && cursor !== null)
      throw new ApiError(200, 'garbled', 'the pages of the list do not end; check the URL');
    yield answer;
    cursor = answer.nextCursor;
  } while (cursor !== null);
}

/** Options that read a list to its end. */
export const everything = { limit: maxItems } as const;

/** Reads a list to its end. */
export async function everyItem<Answer extends ListAnswer>(
  read: (page: Page) => PageRequest<Answer>,
): Promise<Answer['items']> {
  const { items, answer } = await listed(read, everything);
  if (answer.nextCursor !== null) throw new CommandError(`the list has more than ${maxItems} items`);
  return items;
}
