import { expect, test } from 'vitest';
import { around, isLost, lateAndDropped, lensParts, needLook } from './words.ts';

const ledger = {
  accepted: 1,
  delivered: 1,
  pending: 0,
  dead: 0,
  cancelled: 0,
  suppressed: 0,
  unaccounted: 0,
};
const reconciled = { at: '2026-11-25T10:00:00Z', balanced: true, unaccounted: 0, rows_read: 1, ids: [] };

test('the page is taken over by what is unaccounted for, and by nothing else', () => {
  expect(isLost({ ledger, reconciled })).toBe(false);
  expect(isLost({ ledger, reconciled: null })).toBe(false);
  expect(isLost({ ledger: { ...ledger, unaccounted: -1 }, reconciled })).toBe(true);
  expect(isLost({ ledger, reconciled: { ...reconciled, balanced: false } })).toBe(true);
});

test('what is one of a million is seen, and the widths come to the whole', () => {
  const parts = lensParts(
    [
      { term: 'delivered', count: 1_000_000 },
      { term: 'pending', count: 0 },
      { term: 'dead', count: 1 },
    ],
    1000,
  );
  expect(parts.map(({ term, width }) => [term, width])).toEqual([
    ['delivered', 998],
    ['dead', 2],
  ]);
  expect(lensParts([], 1000)).toEqual([]);
});

test('what is pending beyond its deadline is late; while it may be in time, it is not', () => {
  const point = { due: 100, late: 1, dropped: 2, pending: 3, in_time_interval: [0.9, 0.97] as const };
  expect(
    lateAndDropped([
      { ...point, open: false },
      { ...point, open: true },
      { open: false, due: 0 },
    ]),
  ).toEqual({
    late: [0.04, 0.01, 0],
    dropped: [0.02, 0.02, 0],
    intervals: [
      [expect.closeTo(0.03), expect.closeTo(0.1)],
      [expect.closeTo(0.03), expect.closeTo(0.1)],
      null,
    ],
  });
});

test('a need has a glyph of its own, and its subject stands out', () => {
  expect(needLook({ kind: 'paused', severity: 'note' }).glyph).toBe('‖');
  expect(needLook({ kind: 'paused', severity: 'act' }).glyph).toBe('✕');
  expect(needLook({ kind: 'unmatched', severity: 'note' }).glyph).toBe('□');
  expect(around('5 dead letters at a.example: tls', 'a.example')).toEqual([
    '5 dead letters at ',
    'a.example',
    ': tls',
  ]);
  expect(around('nothing', 'x')).toEqual(['nothing', '', '']);
});
