import { per, type Sql, sql } from './sql.ts';

// The pieces of statements that differ between the databases.

const either = (texts: { readonly sqlite: string; readonly postgres: string }): Sql =>
  per(({ name }) => texts[name]);

/** A table of the schema. */
export const table = (name: string): Sql => either({ sqlite: name, postgres: `posthorn.${name}` });

/** No value of this type, in a column of an answer. */
export const nothing = (type: 'bigint' | 'text'): Sql =>
  either({ sqlite: 'NULL', postgres: `NULL::${type}` });

/** The limit of a statement: SQLite prepares a bare `LIMIT ?` anew each time (`sqlite/database.ts`). */
export const limit = (count: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`LIMIT +${count}` : sql`LIMIT ${count}`));

/** The condition that rows of `one` and of `other` are in one shard, before another one; SQLite's tables have no shards. */
export const sameShard = (one: string, other: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = ${other}.shard AND ` });

/** The same for the rows that a column of numbers names. */
export const shardOf = (one: string, number: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = (${number} & 63)::smallint AND ` });
