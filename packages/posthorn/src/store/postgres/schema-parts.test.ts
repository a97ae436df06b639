import { expect, test } from 'vitest';
import { missingParts, partsMadeBy } from './schema-parts.ts';

test('what migrations make is read from their text', () => {
  const parts = partsMadeBy([
    `-- A comment, with a comma
     CREATE TABLE posthorn.a (id int GENERATED ALWAYS AS IDENTITY, kind text CHECK (kind IN ('x', 'y')),
       PRIMARY KEY (id, kind)) WITH (fillfactor = 80, autovacuum_enabled = off)`,
    'CREATE TABLE posthorn.b (x int)',
    'CREATE TABLE posthorn.c (y int, CONSTRAINT one UNIQUE (y))',
    "ALTER TABLE posthorn.a ADD COLUMN more text DEFAULT 'a,b', ADD COLUMN IF NOT EXISTS again int, DROP COLUMN kind",
    'ALTER TABLE posthorn.b RENAME TO d',
    'ALTER TABLE posthorn.d RENAME COLUMN x TO z',
    'DROP TABLE posthorn.c',
    'CREATE OR REPLACE FUNCTION posthorn.f(a int) RETURNS int LANGUAGE sql AS $body$ SELECT 1 $body$',
    'CREATE INDEX i ON posthorn.a (id)',
  ]);
  expect([...parts].toSorted()).toEqual([
    'column a.again',
    'column a.id',
    'column a.more',
    'column d.z',
    'function f',
    'table a',
    'table d',
  ]);
});

test('a missing table is named once, and a missing column with its table', () => {
  const expected = new Set(['table a', 'column a.x', 'table b', 'column b.x', 'column b.y']);
  expect(missingParts(expected, new Set(['table b', 'column b.x']))).toEqual(['table a', 'column b.y']);
});
