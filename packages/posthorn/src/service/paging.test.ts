import { describe, expect, test } from 'vitest';
import { toPage } from './paging.ts';

const byCount = ({ count, name }: { count: number; name: string }) => [-count, name];
const list = Array.from({ length: 25 }, (_, n) => ({ count: n % 4, name: `n${n}` }));

describe('pages of a list (G5)', () => {
  test.each([1, 3, 24, 25, 26])(
    'pages of %i hold every item once, in order, and the last one says so',
    (limit) => {
      const seen: typeof list = [];
      let cursor: string | undefined;
      for (;;) {
        const page = toPage(list, { limit, cursor }, byCount);
        expect(page.items.length).toBeGreaterThan(0);
        seen.push(...page.items);
        if (page.next_cursor === null) break;
        cursor = page.next_cursor;
      }
      expect(seen).toHaveLength(25);
      expect(seen).toEqual(list.toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1)));
    },
  );

  test('G8: large items end a page before its limit, and none is left out', () => {
    const large = Array.from({ length: 10 }, (_, n) => ({ name: `n${n}`, text: 'x'.repeat(1_500_000) }));
    const sizes: number[] = [];
    let cursor: string | undefined;
    for (;;) {
      const page = toPage(large, { limit: 100, cursor }, ({ name }) => [name]);
      sizes.push(page.items.length);
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(sizes).toEqual([2, 2, 2, 2, 2]);
  });

  test('against its usual order a list is read from its end', () => {
    const read = (order: 'asc' | 'desc', usual: 'asc' | 'desc'): typeof list => {
      const first = toPage(list, { limit: 10, order }, byCount, usual);
      const rest = toPage(list, { limit: 100, order, cursor: first.next_cursor! }, byCount, usual);
      return [...first.items, ...rest.items];
    };
    const { items } = toPage(list, { limit: 100 }, byCount);
    expect(read('asc', 'asc')).toEqual(items);
    expect(read('desc', 'desc')).toEqual(items);
    expect(read('desc', 'asc')).toEqual(items.toReversed());
  });

  test('an item that goes between two pages hides no other', () => {
    const first = toPage(list, { limit: 5 }, byCount);
    const left = list.filter(({ name }) => name !== first.items.at(-1)!.name);
    const second = toPage(left, { limit: 100, cursor: first.next_cursor! }, byCount);
    expect(first.items.length + second.items.length).toBe(25);
  });

  test.each(['', 'x', Buffer.from('{}').toString('base64url'), Buffer.from('[null]').toString('base64url')])(
    'a cursor that is none is refused: %j',
    (cursor) => {
      expect(() => toPage(list, { limit: 5, cursor }, byCount)).toThrow(/cursor/);
    },
  );
});
