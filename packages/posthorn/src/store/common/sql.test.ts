import { expect, test } from 'vitest';
import { type Dialect, joined, per, raw, Renderer, rendered, type Sql, sql } from './sql.ts';

const dialect: Dialect = { name: 'postgres', isDistributed: false, parameter: (at) => `$${at}` };

const isOne = (column: string, value: number | string): Sql => sql`${raw(column)} = ${value}`;
const either = (value: number | Sql, other: number | Sql): Sql => sql`a ${value} b ${other} c`;
const anyOf = (values: readonly number[]): Sql =>
  joined(
    values.map((value) => isOne('n', value)),
    ' OR ',
  );

/** Pairs that a key of texts alone, without the places of values, would take for one. */
const statements: readonly Sql[] = [
  sql`SELECT 1`,
  isOne('a', 1),
  isOne('b', 1),
  either(1, raw('x')),
  either(raw('x'), 1),
  either(raw('x'), raw('x')),
  either(1, 2),
  either(sql`${1} x`, 2),
  either(sql`x ${1}`, 2),
  anyOf([]),
  anyOf([1]),
  anyOf([1, 2]),
  joined([anyOf([1]), anyOf([2])], ' OR '),
  sql`${joined([raw('x'), raw('y')], ', ')}${raw('z')}`,
  sql`${joined([raw('x')], ', ')}${raw('y')}`,
  per(({ name }) => sql`${raw(name)} ${3}`),
];

test('a text is rendered once for each shape, and is that of the statement alone', () => {
  const renderer = new Renderer(dialect);
  for (let round = 0; round < 2; round++)
    for (const statement of statements)
      expect(renderer.render(statement)).toEqual(rendered(statement, dialect));
  expect(renderer.render(isOne('a', 'other'))).toEqual({ text: 'a = $1', values: ['other'] });
});

test('statements of more shapes than are kept are rendered all the same', () => {
  const renderer = new Renderer(dialect);
  for (let at = 0; at < 120_000; at++)
    if (renderer.render(raw(`t${at}`)).text !== `t${at}`) throw new Error(`t${at} has another text`);
  expect(renderer.render(isOne('a', 1))).toEqual({ text: 'a = $1', values: [1] });
});
