import { expect, test } from 'vitest';
import { type Column, columnsTable, fromNow, shortened } from './columns.ts';

interface Row {
  readonly id: string;
  readonly host: string;
  readonly count: number;
  readonly at: string;
}
const columns: readonly Column<Row>[] = [
  { name: 'id', value: ({ id }) => id },
  { name: 'host', value: ({ host }) => host, shortest: 8 },
  { name: 'count', value: ({ count }) => count },
  { name: 'at', value: ({ at }) => at, wide: true },
];
const rows: readonly Row[] = [
  { id: 'dlv_1', host: 'hooks.orders.kestrel.example', count: 1234, at: '2026-11-25T00:00:00Z' },
  { id: 'dlv_2', host: 'a\u001bb', count: 1, at: '' },
];

test('a table that fits is whole, and what goes to a file is never shortened', () => {
  const whole = [
    'id     host                          count',
    '-----  ----------------------------  -----',
    'dlv_1  hooks.orders.kestrel.example  1,234',
    'dlv_2  a\\x1bb                            1',
  ].join('\n');
  expect(columnsTable(columns, rows, {}, Number.POSITIVE_INFINITY)).toBe(whole);
  expect(columnsTable(columns, rows, {}, 42)).toBe(whole);
});

test('texts are shortened in their middle, ids never', () => {
  const lines = columnsTable(columns, rows, {}, 30).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBe(30);
  expect(lines[2]).toBe('dlv_1  hooks.or…example  1,234');
});

test('what cannot fit has a block for each row', () => {
  expect(columnsTable(columns, rows, {}, 15).split('\n\n')).toHaveLength(2);
});

test('every column with --wide, and those that are named in their order', () => {
  expect(columnsTable(columns, rows, { wide: true }, 1000).split('\n')[0]).toBe(
    'id     host                          count  at',
  );
  expect(columnsTable(columns, rows, { columns: ['at', 'id'] }, 1000).split('\n')[0]).toBe(
    'at                    id',
  );
});

test.each([
  ['abcdef', 6, 'abcdef'],
  ['abcdefg', 6, 'abc…fg'],
  ['abcdefg', 1, '…'],
])('%s in %i characters', (text, length, expected) => {
  expect(shortened(text, length)).toBe(expected);
});

test.each([
  [-500, 'now'],
  [-59_000, '59 s ago'],
  [12_000, 'in 12 s'],
  [-3 * 60_000, '3 min ago'],
  [-47 * 3_600_000, '47 h ago'],
  [-72 * 3_600_000, '3 d ago'],
])('%i ms from now', (ms, expected) => {
  const now = Date.UTC(2026, 10, 25);
  expect(fromNow(new Date(now + ms).toISOString(), now)).toBe(expected);
});
