import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { addPacked, packedRows } from './packed.ts';
import { raw, rendered, sql } from './sql.ts';

const dialect = { name: 'sqlite', isDistributed: false, parameter: () => '?' } as const;

/** Adds these rows (type, key, two numbers) up by way of a text of SQLite's. */
function added(table: readonly (readonly [string, number, number, number])[]): Record<string, number[]> {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (type TEXT, k INTEGER, a INTEGER, b INTEGER)');
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?)');
  for (const row of table) insert.run(...row);
  const numbers = { usual: [raw('k'), raw('a')], rare: [raw('b')] };
  const packed = packedRows(numbers, raw('type'));
  const { text, values } = rendered(sql`SELECT ${packed} AS rows FROM t`, dialect);
  const { rows } = db.prepare(text).get(...(values as number[])) as { rows: string };
  db.close();
  const sums: Record<string, number[]> = {};
  addPacked(rows, { usual: 1, rare: 1 }, (key, type) => (sums[`${type} ${key}`] ??= [0, 0]));
  return sums;
}

test('numbers of every length come back exactly, however they are mixed', () => {
  const numbers = [0, 1, 32_767, 32_768, 55_295, 55_296, 57_344, 65_533, 65_536, 1_114_112, 2 ** 30, 2 ** 44];
  for (const number of numbers) {
    expect(added([['a.b', 7, number, 0]])).toEqual({ 'a.b 7': [number, 0] });
    expect(added([['a.b', 7, 0, number]])).toEqual({ 'a.b 7': [0, number] });
    expect(added([['a.b', number, 1, number]])).toEqual({ [`a.b ${number}`]: [1, number] });
  }
  expect(added(numbers.map((number) => ['a', 0, number, 1]))).toEqual({
    'a 0': [numbers.reduce((sum, number) => sum + number), numbers.length],
  });
});

test('rows are added up by key and text', () => {
  expect(
    added([
      ['a', 0, 1, 2],
      ['a', 1, 10, 20],
      ['', 0, 100, 200],
      ['a', 0, 3, 40_000],
    ]),
  ).toEqual({ 'a 0': [4, 40_002], 'a 1': [10, 20], ' 0': [100, 200] });
});
