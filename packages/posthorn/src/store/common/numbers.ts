import { allShards, shardCount } from '../../domain/shard.ts';
import type { Order } from '../filters.ts';
import {
  allNumbers,
  disorderFrom,
  disorderSetting,
  endOf,
  type NumberRange,
  partTo,
  remaining,
  type SearchPage,
} from '../search.ts';
import { isAnyOf, isNumbered, limit, table, byNumber } from './pieces.ts';
import { readSetting } from './settings.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { row, rowsUnprepared, session, type Steps } from './steps.ts';

// Rows by their numbers, which go up with time: where a window of time begins, and how far a walk over all rows comes.

export type NumberedTable = 'deliveries' | 'events';
const timeColumns = { deliveries: 'created_at', events: 'accepted_at' } as const;

const isWithin = (column: string, { first, last }: NumberRange): Sql =>
  sql`${raw(column)} BETWEEN ${first} AND ${last}`;

/** Rows of these shards, null for all; PostgreSQL has its numbers by shard, so that it names them all. */
export const inShards = (alias: string, shards: readonly number[] | null): Sql =>
  per(({ name }) =>
    name === 'postgres'
      ? isAnyOf(`${alias}.shard`, shards ?? allShards, 'smallint')
      : shards === null
        ? raw('true')
        : isAnyOf(`${alias}.number % 64`, shards, 'smallint'),
  );

/** The first row of a range: in PostgreSQL by the key of each shard, if they are together. */
function* firstIn(
  of: NumberedTable,
  range: NumberRange,
  order: Order,
): Steps<{ readonly number: number; readonly at: number } | null> {
  const first = (shard: Sql): Sql =>
    sql`SELECT number, ${raw(timeColumns[of])} AS at FROM ${table(of)} WHERE ${shard} AND ${isWithin('number', range)}
      ORDER BY number ${raw(order)} ${limit(1)}`;
  const [found] = yield* rowsUnprepared(
    per(({ name, isDistributed }) =>
      name === 'sqlite' || isDistributed
        ? first(raw('true'))
        : sql`SELECT f.number, f.at FROM unnest(CAST(${allShards} AS smallint[])) AS s (shard) CROSS JOIN LATERAL (${first(raw('shard = s.shard'))}) f
            ORDER BY f.number ${raw(order)} LIMIT 1`,
    ),
  );
  return found === undefined ? null : { number: found[0] as number, at: found[1] as number };
}

/** Where rows of a window of time can be: from its first number to its last. */
export function* numbersWithin(
  of: NumberedTable,
  { since, until }: { readonly since?: number; readonly until?: number },
): Steps<NumberRange> {
  if (since === undefined && until === undefined) return allNumbers;
  const highest = yield* firstIn(of, allNumbers, 'desc');
  if (highest === null) return allNumbers;
  const slackMs = disorderFrom(yield* readSetting(disorderSetting));
  return {
    first: since === undefined ? allNumbers.first : yield* firstNumberAt(of, since - slackMs, highest.number),
    last: until === undefined ? allNumbers.last : yield* firstNumberAt(of, until + slackMs, highest.number),
  };
}

/** Where numbers begin to be at or after a time. */
function* firstNumberAt(of: NumberedTable, time: number, highest: number): Steps<number> {
  let low = 0;
  let high = highest + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = yield* firstIn(of, { first: middle, last: allNumbers.last }, 'asc');
    if (found === null || found.at >= time) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** When the row of a number was made. */
export function* madeAt(of: NumberedTable, number: number | null): Steps<number | null> {
  if (number === null) return null;
  const found = yield* row(
    sql`SELECT ${raw(`t.${timeColumns[of]}`)} FROM ${table(of)} t WHERE ${isNumbered('t', 'number', number)}`,
  );
  return (found?.[0] as number | undefined) ?? null;
}

/** The next numbers of a walk over all rows. */
export interface Walked {
  readonly part: NumberRange;
  /** The number that the walk has come to; null: nothing is left. */
  readonly end: number | null;
  /** When the last row before `end` was made, if the walk knows it. */
  readonly endAt: number | null;
  readonly rowsRead: number;
}

/** Walks over at most so many rows; null: there are none. */
export function* walk(
  of: NumberedTable,
  shards: readonly number[] | null,
  page: SearchPage,
): Steps<Walked | null> {
  const range = remaining(page);
  if (range === null) return null;
  const { lists } = yield* session();
  return yield* lists === 1 ? walkRows(of, range, page) : walkSpan(of, range, shards, page);
}

/** One list of numbers is walked by the position of its rows. */
function* walkRows(of: NumberedTable, range: NumberRange, { order, maxRows }: SearchPage): Steps<Walked> {
  const from = sql`FROM ${table(of)} ${byNumber} WHERE ${isWithin('number', range)}`;
  const [last] = yield* rowsUnprepared(
    sql`SELECT number ${from} ORDER BY number ${raw(order)} ${limit(1)} OFFSET ${maxRows - 1}`,
  );
  if (last !== undefined) {
    const end = last[0] as number;
    return { part: partTo(range, end, order), end, endAt: null, rowsRead: maxRows };
  }
  const [count] = yield* rowsUnprepared(sql`SELECT count(*) ${from}`);
  return { part: range, end: null, endAt: null, rowsRead: count![0] as number };
}

/** Lists of shards are walked by their numbers: each number of the sequence was used once, so their span bounds the rows. */
function* walkSpan(
  of: NumberedTable,
  range: NumberRange,
  shards: readonly number[] | null,
  { order, maxRows }: SearchPage,
): Steps<Walked | null> {
  const begin = yield* firstIn(of, range, order);
  if (begin === null) return null;
  const span = (maxRows - 1) * shardCount;
  const end =
    order === 'desc' ? Math.max(range.first, begin.number - span) : Math.min(range.last, begin.number + span);
  const part = partTo(range, end, order);
  const time = raw(`t.${timeColumns[of]}`);
  const [found] = yield* rowsUnprepared(
    sql`SELECT count(*), min(${time}), max(${time}) FROM ${table(of)} t WHERE ${inShards('t', shards)} AND ${isWithin('t.number', part)}`,
  );
  const [rowsRead, oldest, newest] = found as [number, number | null, number | null];
  return {
    part,
    end: end === endOf(range, order) ? null : end,
    endAt: (order === 'desc' ? oldest : newest) ?? begin.at,
    rowsRead,
  };
}

/** The condition for the rows of a walk. */
export const ofPart = (alias: string, shards: readonly number[] | null, part: NumberRange): Sql =>
  sql`${inShards(alias, shards)} AND ${isWithin(`${alias}.number`, part)}`;

/** When the row was made that a step has come to: the number that a walk ends at need not be one of a row. */
export function* searchedTo(
  of: NumberedTable,
  next: number | null,
  { end, endAt }: Walked,
): Steps<number | null> {
  return next !== null && next === end && endAt !== null ? endAt : yield* madeAt(of, next);
}
