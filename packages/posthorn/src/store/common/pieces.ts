import type { TenantFilter } from '../filters.ts';
import { joined, per, raw, type Sql, sql, typed, type Value, type ValueType } from './sql.ts';

// The pieces of statements that differ between the databases.

const either = (texts: { readonly sqlite: string; readonly postgres: string }): Sql => {
  const pieces = { sqlite: raw(texts.sqlite), postgres: raw(texts.postgres) };
  return per(({ name }) => pieces[name]);
};

/** A table of the schema. */
export const table = (name: string): Sql => either({ sqlite: name, postgres: `posthorn.${name}` });

/** No value of this type, in a column of an answer. */
export const nothing = (type: 'bigint' | 'text'): Sql =>
  either({ sqlite: 'NULL', postgres: `NULL::${type}` });

/** A field of a column of JSON, as text. */
export const jsonText = (column: string, field: string): Sql =>
  either({ sqlite: `json_extract(${column}, '$.${field}')`, postgres: `${column} ->> '${field}'` });

/** A field of a column of JSON, as a whole number. */
export const jsonNumber = (column: string, field: string): Sql =>
  either({
    sqlite: `json_extract(${column}, '$.${field}')`,
    postgres: `(${column} ->> '${field}')::bigint`,
  });

/** A document for a column of JSON. */
export const document = (value: unknown): Sql => typed(JSON.stringify(value), 'json');

/** Compares and orders text by its bytes, whatever the collation of the database. */
export const bytewise = (column: string): Sql =>
  either({ sqlite: column, postgres: `${column} COLLATE "C"` });

/** A whole number as text, because it may not fit into a double. */
export const asText = (expression: string): Sql =>
  either({ sqlite: `CAST(${expression} AS TEXT)`, postgres: `(${expression})::text` });

/** Text as a whole number. */
export const asNumber = (expression: string): Sql =>
  either({ sqlite: `CAST(${expression} AS INTEGER)`, postgres: `(${expression})::bigint` });

/** A sum of whole numbers, which PostgreSQL makes a `numeric`. */
export const sum = (expression: string): Sql =>
  either({ sqlite: `sum(${expression})`, postgres: `sum(${expression})::bigint` });

/** The limit of a statement: SQLite prepares a bare `LIMIT ?` anew each time (`sqlite/database.ts`). */
export const limit = (count: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`LIMIT +${count}` : sql`LIMIT ${count}`));

/** All rows but the first ones. */
export const offset = (count: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`LIMIT -1 OFFSET +${count}` : sql`OFFSET ${count}`));

/** Locks the rows read until the transaction ends; SQLite has one writer at a time. */
export const forUpdate: Sql = either({ sqlite: '', postgres: 'FOR UPDATE' });

/** The same, but leaves out the rows that another transaction holds. */
export const forUpdateUnlocked: Sql = either({ sqlite: '', postgres: 'FOR UPDATE SKIP LOCKED' });

/** The condition that rows of `one` and of `other` are in one shard, before another one; SQLite's tables have no shards. */
export const sameShard = (one: string, other: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = ${other}.shard AND ` });

/** The same for the rows that a column of numbers names. */
export const shardOf = (one: string, number: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = (${number} & 63)::smallint AND ` });

/** The condition for the rows of counters: in shard 0, or in every one if the tables are distributed. */
export const counterShards = (counters: string): Sql =>
  per(({ isDistributed }) =>
    raw(isDistributed ? `${counters}.shard BETWEEN 0 AND 63` : `${counters}.shard = 0`),
  );

/** The condition that a column has one of these values: one text, however many they are. */
export const isAnyOf = (
  column: string,
  values: readonly (string | number)[],
  type: Exclude<ValueType, 'json' | 'jsonb'>,
): Sql =>
  per(({ name }) =>
    name === 'sqlite'
      ? sql`${raw(column)} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`
      : sql`${raw(column)} = ANY (${typed(values, `${type}[]`)})`,
  );

/**
 * Rows from values of the caller, for a FROM clause: `values` names a column's type and its value in each row. One text, however
 * many rows there are.
 */
export function rowsOf(
  alias: string,
  columns: Readonly<
    Record<
      string,
      { readonly type: ValueType; readonly values: readonly Exclude<Value, readonly unknown[] | boolean>[] }
    >
  >,
): Sql {
  const names = Object.keys(columns);
  const given = Object.values(columns);
  return per(({ name }) => {
    if (name === 'postgres')
      return sql`unnest(${joined(
        given.map(({ type, values }) => typed(values, `${type}[]`)),
        ', ',
      )}) AS ${raw(`${alias} (${names.join(', ')})`)}`;
    const rows = (given[0]?.values ?? []).map((_, at) => given.map(({ values }) => values[at]!));
    const read = names.map((column, at) => `value ->> ${at} AS ${column}`).join(', ');
    return sql`(SELECT ${raw(read)} FROM json_each(${JSON.stringify(rows)})) AS ${raw(alias)}`;
  });
}

/** Conditions that all hold; none: every row. */
export const all = (conditions: readonly Sql[]): Sql =>
  conditions.length === 0 ? raw('true') : joined(conditions, ' AND ');

/** The conditions of a tenant filter, for `all`. */
export const ofTenants = (column: string, { tenants, exceptTenant }: TenantFilter): readonly Sql[] => [
  ...(tenants === undefined ? [] : [isAnyOf(column, tenants, 'text')]),
  ...(exceptTenant === undefined ? [] : [sql`${raw(column)} <> ${exceptTenant}`]),
];
