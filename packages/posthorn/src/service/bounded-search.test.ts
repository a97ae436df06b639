import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { searchBounded, searchedPage, type Step } from './bounded-search.ts';

/** A store of so many rows, numbered from the newest, of which each n-th matches; a step takes this long. */
function rows(count: number, every: number, stepMs: number) {
  const clock = aClock();
  const asked: number[] = [];
  const step = async (page: {
    readonly after: number | null;
    readonly limit: number;
    readonly maxRows: number;
  }): Promise<Step<number, number>> => {
    clock.pass(stepMs);
    asked.push(page.maxRows);
    const begin = page.after ?? count;
    const items: number[] = [];
    let at = begin;
    while (at > 0 && begin - at < page.maxRows && items.length < page.limit)
      if (--at % every === 0) items.push(at);
    return { items, rowsRead: begin - at, next: at === 0 ? null : at, searchedTo: at === 0 ? null : at };
  };
  return { clock, step, asked };
}

test('a search ends when its page is full', async () => {
  const { clock, step } = rows(1_000_000, 1, 1);
  const found = await searchBounded(clock, { after: null, limit: 3 }, step);
  expect(found).toEqual({
    items: [999_999, 999_998, 999_997],
    rowsRead: 3,
    next: 999_997,
    searchedTo: 999_997,
  });
});

test('a search that finds nothing ends after 200,000 rows, and says how far it has come', async () => {
  const { clock, step, asked } = rows(1_000_000, 2_000_000, 1);
  const found = await searchBounded(clock, { after: null, limit: 50 }, step);
  expect(found).toEqual({ items: [], rowsRead: 200_000, next: 800_000, searchedTo: 800_000 });
  expect(Math.max(...asked)).toBeLessThanOrEqual(5000);
});

test('a search that is slow ends after 200 ms', async () => {
  const { clock, step, asked } = rows(1_000_000, 2_000_000, 30);
  await searchBounded(clock, { after: null, limit: 50 }, step);
  expect(asked).toHaveLength(7);
});

test('calls that go on from the cursor of the one before find everything once', async () => {
  const { clock, step } = rows(450_000, 90_000, 1);
  const found: number[] = [];
  let after: number | null = null;
  let calls = 0;
  do {
    const one: Step<number, number> = await searchBounded(clock, { after, limit: 50 }, step);
    found.push(...one.items);
    after = one.next;
    calls++;
  } while (after !== null);
  expect(found).toEqual([360_000, 270_000, 180_000, 90_000, 0]);
  expect(calls).toBe(3);
});

test('the cursor of a full page leads behind its last item; without more it leads behind what was searched', () => {
  const of = { cursorOf: (item: string) => item, cursorAt: (at: number) => `at ${at}`, timeOf: () => 'then' };
  const step = { next: 7, searchedTo: 0, rowsRead: 9, items: [] };
  const cursor = (text: string): string => Buffer.from(text).toString('base64url');
  expect(searchedPage(['a', 'b', 'c'], 2, step, of)).toEqual({
    items: ['a', 'b'],
    next_cursor: cursor('b'),
    searched_to: 'then',
    rows_read: 9,
  });
  expect(searchedPage(['a'], 2, step, of)).toEqual({
    items: ['a'],
    next_cursor: cursor('at 7'),
    searched_to: '1970-01-01T00:00:00.000Z',
    rows_read: 9,
  });
  expect(searchedPage(['a', 'b'], 2, { ...step, next: null, searchedTo: null }, of)).toMatchObject({
    next_cursor: null,
    searched_to: null,
  });
});
