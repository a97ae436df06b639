import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareCodePoints, type Filter, passesFilter } from './filter.ts';
import { filterFaults, filterLimits } from './filter-faults.ts';

const data = {
  amount: 1099,
  currency: 'eur',
  note: null,
  tags: ['a', 'b'],
  object: { status: 'succeeded', live: true },
  'a/b': { '~': 1 },
};

describe('filters', () => {
  test.each<[Filter, boolean]>([
    [{}, true],
    [{ '/currency': 'eur' }, true],
    [{ '/currency': 'eur', '/amount': 1 }, false],
    [{ '/amount': { gte: 1099, lt: 1100 } }, true],
    [{ '/amount': { gt: 1099 } }, false],
    [{ '/amount': { lte: 1098.5 } }, false],
    [{ '/currency': { in: ['usd', 'eur'] } }, true],
    [{ '/amount': { in: ['1099', null] } }, false],
    [{ '/object/status': { prefix: 'succ' } }, true],
    [{ '/object/status': { prefix: 'succeeded!' } }, false],
    [{ '/note': { exists: true } }, true],
    [{ '/note': null }, true],
    [{ '/missing': null }, false],
    [{ '/missing': { exists: false } }, true],
    [{ '/missing': { eq: null } }, false],
    [{ not: { '/missing': { gt: 1 } } }, true],
    // Values of another type are neither above nor below.
    [{ '/currency': { gt: 1 } }, false],
    [{ '/amount': { gt: '' } }, false],
    [{ '/note': { lte: 0 } }, false],
    [{ '/object/live': true }, true],
    [{ '/object': { exists: true } }, true],
    [{ '/tags/1': 'b' }, true],
    [{ '/tags/length': 2 }, false],
    [{ '/tags': { exists: true }, '/constructor': { exists: false } }, true],
    [{ '/a~1b/~0': 1 }, true],
    [{ any: [{ '/currency': 'usd' }, { '/amount': { gt: 1000 } }] }, true],
    [{ any: [{ '/currency': 'usd' }, { '/amount': { gt: 2000 } }], '/currency': 'eur' }, false],
    [{ all: [{ '/currency': 'eur' }, { not: { '/currency': 'usd' } }] }, true],
  ])('%j: %j', (filter, passes) => {
    expect(filterFaults(filter)).toEqual([]);
    expect(passesFilter(filter, data)).toBe(passes);
  });

  test('whole data may be a value', () => {
    expect(passesFilter({ '': { gt: 1 } }, 2)).toBe(true);
    expect(passesFilter({ '': null }, null)).toBe(true);
    expect(passesFilter({ '': { exists: true } }, null)).toBe(true);
    expect(passesFilter({ '/a': 1 }, 'text')).toBe(false);
  });

  test('texts are ordered by code points, and what no database holds counts as U+FFFD', () => {
    expect(passesFilter({ '': { gt: '\uffff' } }, '😀')).toBe(true);
    expect(passesFilter({ '': { gt: '\uffff' } }, '\ud800')).toBe(false);
    expect(passesFilter({ '': 'a\ufffd' }, 'a\0')).toBe(true);
    expect(passesFilter({ '': { in: ['\ufffd'] } }, '\udc00')).toBe(true);
    expect(passesFilter({ '': { prefix: '\ufffd' } }, '😀')).toBe(false);
    const text = fc.string({ unit: 'binary', maxLength: 5 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const points = (s: string) => Buffer.from(s.toWellFormed());
        const wanted = b.toWellFormed().replaceAll('\0', '');
        const read = a.toWellFormed().replaceAll('\0', '\ufffd');
        const order = Math.sign(Buffer.compare(points(read), points(wanted)));
        expect(Math.sign(compareCodePoints(read, wanted))).toBe(order);
        expect(passesFilter({ '': { gt: wanted } }, a)).toBe(order > 0);
        expect(passesFilter({ '': { lte: wanted } }, a)).toBe(order <= 0);
        expect(passesFilter({ '': wanted }, a)).toBe(order === 0);
        expect(passesFilter({ '': { in: [wanted] } }, a)).toBe(order === 0);
        expect(passesFilter({ '': { prefix: wanted } }, a)).toBe(read.startsWith(wanted));
      }),
    );
  });

  test('numbers are IEEE doubles', () => {
    expect(passesFilter({ '': 9_007_199_254_740_992 }, JSON.parse('9007199254740993'))).toBe(true);
    expect(passesFilter({ '': { gt: Number.MAX_VALUE } }, JSON.parse('1e400'))).toBe(true);
    expect(passesFilter({ '': 0 }, JSON.parse('-0'))).toBe(true);
  });
});

test.each<[unknown, (string | number)[], RegExp]>([
  [[], [], /object/],
  [{ amount: 1 }, ['amount'], /JSON Pointer/],
  [{ '/a~2': 1 }, ['/a~2'], /JSON Pointer/],
  [{ '/a': {} }, ['/a'], /must have one of eq/],
  [{ '/a': [1] }, ['/a'], /conditions/],
  [{ '/a': { $gte: 1 } }, ['/a', '$gte'], /not an operator/],
  [{ '/a': { matches: 'x' } }, ['/a', 'matches'], /not an operator/],
  [{ '/a': { gte: true } }, ['/a', 'gte'], /number or a string/],
  [{ '/a': { in: [] } }, ['/a', 'in'], /at least one/],
  [{ '/a': { in: [1, {}] } }, ['/a', 'in', 1], /string, number, boolean or null/],
  [{ '/a': { exists: 1 } }, ['/a', 'exists'], /true or false/],
  [{ '/a': { prefix: 1 } }, ['/a', 'prefix'], /string/],
  [{ '/a': '\ud800' }, ['/a'], /unpaired/],
  [{ '/a': 'x'.repeat(257) }, ['/a'], /256/],
  [{ any: [] }, ['any'], /at least one/],
  [{ all: { '/a': 1 } }, ['all'], /list/],
  [{ not: [{ '/a': 1 }] }, ['not'], /object/],
  [{ any: [{ '/a': 1 }, { b: 1 }] }, ['any', 1, 'b'], /JSON Pointer/],
])('G8: %j is refused', (filter, path, message) => {
  expect(filterFaults(filter)).toEqual([{ path, message: expect.stringMatching(message) as string }]);
});

test('G8: a filter is bounded in values, depth and length', () => {
  const pointers = (count: number, name: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`/${n}${name}`, 1]));
  expect(filterFaults(pointers(filterLimits.values, ''))).toEqual([]);
  expect(filterFaults(pointers(10_000, ''))).toMatchObject([{ message: /200 values/ }]);
  expect(filterFaults({ '/a': { in: Array.from({ length: 201 }, (_, n) => n) } })).toMatchObject([
    { path: ['/a', 'in', 200] },
  ]);
  expect(filterFaults({ any: Array.from({ length: 10_000 }, () => ({})) })).toMatchObject([
    { path: ['any', 200] },
  ]);
  expect(filterFaults(pointers(200, 'x'.repeat(200)))).toMatchObject([{ path: [], message: /32768/ }]);
  expect(filterFaults(pointers(20, '/a'.repeat(50)))).toMatchObject([{ message: /1000 steps/ }]);
  let deep: Filter = { '/a': 1 };
  for (let level = 0; level < 8; level++) deep = level % 2 === 0 ? { not: deep } : { any: [deep] };
  expect(filterFaults(deep)).toEqual([]);
  expect(filterFaults({ not: deep })).toMatchObject([{ message: /8 levels/ }]);
});
