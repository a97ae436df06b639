import { typePatterns } from '../filters.ts';
import { counterColumns } from '../rows.ts';
import { isAnyOf } from './pieces.ts';
import { joined, per, raw, type Sql, sql } from './sql.ts';

// The pieces of statements that read counters; `l` is their table.

/** The counters' shards: 0, or if the tables are distributed, each for its own rows. */
export const counterShards = (counters: string): Sql =>
  per(({ isDistributed }) => raw(`${counters}.shard ${isDistributed ? 'BETWEEN 0 AND 63' : '= 0'}`));

/** PostgreSQL makes a sum of whole numbers a `numeric`. */
export const sum = (of: string): Sql => raw(`CAST(sum(${of}) AS bigint)`);

export const sums = (names: readonly string[]): Sql =>
  joined(
    names.map((name) => sum(`l.${name}`)),
    ', ',
  );

/** The columns that `countersFrom` takes. */
export const counterSums = sums(counterColumns);

/** The counters of these endpoints, by the beginning of their key. */
export const ofEndpoints = (nums: readonly number[]): Sql =>
  sql`${counterShards('l')} AND ${isAnyOf('l.endpoint', nums, 'int')}`;

/** Histograms by the day have no shard in SQLite. */
export const dayShards: Sql = per(({ name }) => (name === 'sqlite' ? raw('true') : counterShards('l')));

/** PostgreSQL compares with a pattern at once; SQLite, whose LIKE does not take a list, with each prefix. */
const hasPrefix = (column: string, prefixes: readonly string[]): Sql =>
  per(({ name }) =>
    name === 'sqlite'
      ? sql`EXISTS (SELECT 1 FROM json_each(${JSON.stringify(prefixes)}) x WHERE substr(${raw(column)}, 1, length(x.value)) = x.value)`
      : sql`${raw(column)} LIKE ANY (CAST(${prefixes.map((prefix) => `${prefix.replaceAll('_', '\\_')}%`)} AS text[]))`,
  );

/** The condition of event types and beginnings of them; null: every type. */
export function ofTypes(column: string, eventTypes: readonly string[] | null): Sql | null {
  const patterns = typePatterns(eventTypes);
  if (patterns === null) return null;
  const { types, prefixes } = patterns;
  if (prefixes.length === 0) return isAnyOf(column, types, 'text');
  return sql`(${isAnyOf(column, types, 'text')} OR ${hasPrefix(column, prefixes)})`;
}
