import { shardOfNumber } from '../../domain/ids.ts';
import type { TenantFilter } from '../filters.ts';
import { joined, per, raw, type Sql, sql } from './sql.ts';

// The pieces of statements that differ between the databases. `CAST(… AS bigint)` and `CAST(… AS text)` mean the same to both, also
// around a parameter whose type its place does not say.

const either = (texts: { readonly sqlite: string; readonly postgres: string }): Sql => {
  const pieces = { sqlite: raw(texts.sqlite), postgres: raw(texts.postgres) };
  return per(({ name }) => pieces[name]);
};

const tables = new Map<string, Sql>();

/** A table of the schema. */
export function table(name: string): Sql {
  let found = tables.get(name);
  if (found === undefined) tables.set(name, (found = either({ sqlite: name, postgres: `posthorn.${name}` })));
  return found;
}

/** A field of a column of JSON, as text. */
export const jsonText = (column: string, field: string): Sql =>
  either({ sqlite: `json_extract(${column}, '$.${field}')`, postgres: `(${column} ->> '${field}')` });

/** Text as a value for a column of JSON; a parameter needs none of it. */
export const asJson = (column: string, type: 'json' | 'jsonb'): Sql =>
  either({ sqlite: column, postgres: `CAST(${column} AS ${type})` });

/** Compares and orders text by its bytes, whatever the collation of the database. */
export const bytewise = (column: string): Sql =>
  either({ sqlite: column, postgres: `${column} COLLATE "C"` });

/** The limit of a statement: SQLite prepares a bare `LIMIT ?` anew each time (`sqlite/database.ts`). */
export const limit = (count: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`LIMIT +${count}` : sql`LIMIT ${count}`));

/** All rows but the first ones. */
export const offset = (count: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`LIMIT -1 OFFSET +${count}` : sql`OFFSET ${count}`));

/** Locks the rows read until the transaction ends; SQLite has one writer at a time. */
export const forUpdate = (rows = ''): Sql =>
  either({ sqlite: '', postgres: rows === '' ? 'FOR UPDATE' : `FOR UPDATE OF ${rows}` });

/** Keeps the rows read from changes by others until the transaction ends; for those of endpoints, see `forShareOfEndpoints`. */
export const forShare: Sql = either({ sqlite: '', postgres: 'FOR SHARE' });

/** The same for rows of endpoints, where `shareEndpoints` does not do it alone. */
export const forShareOfEndpoints: Sql = per(({ isDistributed }) => (isDistributed ? raw('') : forShare));

/** The advisory lock that stands for the endpoints where tables are distributed. */
export const endpointLock = "hashtext('posthorn.endpoints')";

/**
 * Changes rows of endpoints `e` by rows `c` of the caller's, at most one for each. Rows are locked in one order on every node, so that
 * two writers never wait for each other in a circle. Citus takes no subquery here; it lets one writer of the table at a time to it.
 */
export const updateEndpoints = (given: Sql, condition: Sql, assignments: Sql): Sql =>
  per(({ isDistributed }) =>
    isDistributed
      ? sql`UPDATE posthorn.endpoints AS e SET ${assignments} FROM ${given} WHERE ${condition}`
      : sql`WITH c AS MATERIALIZED (SELECT e.num, c.* FROM ${given} CROSS JOIN ${table('endpoints')} e
          WHERE ${condition} ORDER BY e.num ${forUpdate('e')})
        UPDATE ${table('endpoints')} AS e SET ${assignments} FROM c WHERE e.num = c.num`,
  );

/** Locks the rows read, and leaves out those that another transaction holds. */
export const forUpdateUnlocked: Sql = either({ sqlite: '', postgres: 'FOR UPDATE SKIP LOCKED' });

/** The condition that rows of `one` and of `other` are in one shard, before another one; SQLite's tables have no shards. */
export const sameShard = (one: string, other: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = ${other}.shard AND ` });

/** The same for the rows that a column of numbers names. */
export const shardOf = (one: string, number: string): Sql =>
  either({ sqlite: '', postgres: `${one}.shard = (${number} & 63)::smallint AND ` });

/** The shard of rows, before other columns. SQLite computes it from the row, so an index alone would not do there. */
export const shardColumn = (of: string): Sql => either({ sqlite: '', postgres: `${of}.shard, ` });

type ListedType = 'text' | 'int' | 'bigint' | 'smallint';

/** The condition that a column has one of these values: one text, however many they are. */
export const isAnyOf = (column: string, values: readonly (string | number)[], type: ListedType): Sql =>
  per(({ name }) =>
    name === 'sqlite'
      ? sql`${raw(column)} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`
      : sql`${raw(column)} = ANY (CAST(${values} AS ${raw(type)}[]))`,
  );

export interface ListedColumn {
  readonly type: ListedType;
  readonly values: readonly (string | number | null)[];
}

/** Rows of the caller's values, for a FROM clause: one text, however many they are. */
export function rowsFrom(alias: string, columns: Readonly<Record<string, ListedColumn>>): Sql {
  const names = Object.keys(columns);
  const listed = Object.values(columns);
  return per(({ name }) => {
    if (name === 'postgres') {
      const lists = listed.map(({ type, values }) => sql`CAST(${values} AS ${raw(type)}[])`);
      return sql`unnest(${joined(lists, ', ')}) AS ${raw(`${alias} (${names.join(', ')})`)}`;
    }
    const rows = (listed[0]?.values ?? []).map((_, at) => listed.map(({ values }) => values[at]!));
    const read = names.map((column, at) => `value ->> ${at} AS ${column}`).join(', ');
    return sql`(SELECT ${raw(read)} FROM json_each(${JSON.stringify(rows)})) AS ${raw(alias)}`;
  });
}

/** The condition that all of these hold; none: every row. */
export const all = (conditions: readonly (Sql | null)[]): Sql =>
  joined([raw('true'), ...conditions.filter((condition) => condition !== null)], ' AND ');

/** The condition for rows of these tenants. */
export const ofTenants = (column: string, { tenants, exceptTenant }: TenantFilter): Sql =>
  all([
    tenants === undefined ? null : isAnyOf(column, tenants, 'text'),
    exceptTenant === undefined ? null : sql`${raw(column)} <> ${exceptTenant}`,
  ]);

/** The condition for what comes after `after` in a list by this column of text; null: everything. */
export const comesAfter = (column: string, order: 'asc' | 'desc', after: string | null): Sql | null =>
  after === null ? null : sql`${bytewise(column)} ${raw(order === 'asc' ? '>' : '<')} ${after}`;

/** A join whose left side is read first: SQLite keeps to the order of a CROSS JOIN, and PostgreSQL has statistics. */
export const inOrder: Sql = either({ sqlite: 'CROSS JOIN', postgres: 'JOIN' });

/** The condition that a column of text has one of these values, if they are given. */
export const givenAnyOf = (column: string, values: readonly string[] | null | undefined): Sql | null =>
  values === null || values === undefined ? null : isAnyOf(column, values, 'text');

/**
 * Joins to each row before it the deliveries `d` that a condition, an order and a limit choose: PostgreSQL has lateral joins, and in
 * SQLite a list of numbers may depend on the row. Distributed tables have neither: there the statement's own limit is the only one.
 */
export const deliveriesOfEach = (condition: Sql, first: Sql = raw('')): Sql =>
  per(({ name, isDistributed }) => {
    if (isDistributed) return sql`JOIN posthorn.deliveries d ON ${condition}`;
    return name === 'sqlite'
      ? sql`CROSS JOIN deliveries d ON d.number IN (SELECT d.number FROM deliveries d WHERE ${condition} ${first})`
      : sql`CROSS JOIN LATERAL (SELECT * FROM posthorn.deliveries d WHERE ${condition} ${first}) d`;
  });

/** The condition that a row is that of a number, or belongs to it: the number says its shard. */
export const isNumbered = (alias: string, column: string, number: number): Sql => {
  const is = sql`${raw(`${alias}.${column}`)} = ${number}`;
  return per(({ name }) =>
    name === 'sqlite'
      ? is
      : sql`${raw(`${alias}.shard`)} = CAST(${shardOfNumber(number)} AS smallint) AND ${is}`,
  );
};

/** Joins these numbers to rows that have one of them, or belong to it. */
export const withNumbers = (alias: string, column: string, numbers: readonly number[]): Sql =>
  per(({ name }) => {
    const isNumber = raw(`${alias}.${column} = k.number`);
    return name === 'sqlite'
      ? sql`JOIN (SELECT value AS number FROM json_each(${JSON.stringify(numbers)})) k ON ${isNumber}`
      : sql`JOIN unnest(CAST(${numbers} AS bigint[]), CAST(${numbers.map(shardOfNumber)} AS smallint[])) AS k (number, shard)
          ON ${raw(`${alias}.shard = k.shard`)} AND ${isNumber}`;
  });

/** The condition that rows have one of these numbers: SQLite then reads them in order, and no further than a limit. */
export const isNumberedAnyOf = (alias: string, numbers: readonly number[]): Sql =>
  per(({ name }) =>
    name === 'sqlite'
      ? isAnyOf(`${alias}.number`, numbers, 'bigint')
      : sql`(${raw(`${alias}.shard, ${alias}.number`)}) IN (SELECT k.shard, k.number
          FROM unnest(CAST(${numbers.map(shardOfNumber)} AS smallint[]), CAST(${numbers} AS bigint[])) AS k (shard, number))`,
  );

/** The condition for the rows of a list of numbers (`Session.lists`). */
export const inList = (alias: string, list: number): Sql =>
  per(({ name }) =>
    name === 'sqlite' ? raw('true') : sql`${raw(`${alias}.shard`)} = CAST(${list} AS smallint)`,
  );

/** Behind a table of SQLite: its rows are read in the order of their numbers, whatever index another condition has. */
export const byNumber: Sql = either({ sqlite: 'NOT INDEXED', postgres: '' });

/** The condition that a piece of text is part of a column, whatever the case of its letters; `like` is for LIKE with escapes. */
export const contains = (column: string, like: string): Sql =>
  per(({ name }) =>
    name === 'sqlite' ? sql`${raw(column)} LIKE ${like} ESCAPE '\\'` : sql`${raw(column)} ILIKE ${like}`,
  );
