import type { DeliveryState } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { hashShard, shardCount } from '../../domain/shard.ts';
import type { Order } from '../filters.ts';
import { stateNumbers } from '../rows.ts';
import {
  allNumbers,
  type DeliverySearch,
  disorderFrom,
  disorderSetting,
  disorderToKeep,
  endOf,
  firstNumberAt,
  firstNumbers,
  maxArms,
  maxPendingCollected,
  maxRedrives,
  type NumberRange,
  partTo,
  remaining,
  type SearchPage,
  type SearchStep,
  stepFrom,
} from '../search.ts';
import { findEventNumbers } from './accept.ts';
import { blocksKeysSql } from './blocking-sql.ts';
import type { Connection, Database, Row, Value } from './database.ts';
import { filterSql } from './filter.ts';

/** A migration: the way to what ended undelivered, whatever endpoint it was for. What is pending or delivered is not in it. */
export const searchMigration =
  'CREATE INDEX deliveries_ended_listed ON posthorn.deliveries (state, number) WHERE state >= 2;';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex =
  'CREATE INDEX deliveries_retried ON posthorn.deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;';

type NumberedTable = 'deliveries' | 'events';
const timeColumns = { deliveries: 'created_at', events: 'accepted_at' } as const;

/** Numbers of a range, in an order, from an index that has few of all rows. */
type Arm = (range: NumberRange, order: Order, max: number) => Promise<number[]>;

export const allShards: readonly number[] = Array.from({ length: shardCount }, (_, shard) => shard);
const numberIn = ([number]: Row): number => number as number;

const numbersFrom =
  (db: Database, where: string, ...values: readonly Value[]): Arm =>
  async ({ first, last }, order, max) => {
    const rows = await db.query(
      '',
      `SELECT number FROM posthorn.deliveries WHERE ${where} AND number BETWEEN $1 AND $2 ORDER BY number ${order} LIMIT $3`,
      [first, last, max, ...values],
    );
    return rows.map(numberIn);
  };

/** Pending ones by the index of what is due, which is in another order: null if they are too many to be put in order. */
async function pendingArms(db: Database, endpoints: readonly number[] | null): Promise<Arm[] | null> {
  const of = (at: number): string =>
    `state = 0${endpoints === null ? '' : ` AND endpoint = ANY ($${at}::int[])`}`;
  const values = endpoints === null ? [] : [endpoints];
  const [row] = await db.query(
    '',
    `SELECT count(*) FROM (SELECT 1 FROM posthorn.deliveries WHERE ${of(1)} LIMIT ${maxPendingCollected + 1}) d`,
    values,
  );
  if ((row![0] as number) > maxPendingCollected) return null;
  return [numbersFrom(db, of(4), ...values)];
}

function endedArms(
  db: Database,
  states: readonly DeliveryState[],
  endpoints: readonly number[] | null,
): Arm[] {
  const numbers = states.map((state) => stateNumbers[state]);
  if (endpoints !== null && endpoints.length * numbers.length <= maxArms)
    return numbers.flatMap((state) =>
      endpoints.map((endpoint) =>
        numbersFrom(db, `state >= 2 AND state = ${state} AND endpoint = $4::int`, endpoint),
      ),
    );
  return numbers.map((state) => numbersFrom(db, `state >= 2 AND state = ${state}`));
}

async function eventArms(db: Database, { tenants, eventIds = [] }: DeliverySearch): Promise<Arm[]> {
  // Ids are unique within a tenant, so without one all tenants are looked at.
  const asked =
    tenants ??
    (await db.query('tenants', 'SELECT DISTINCT tenant FROM posthorn.event_ledger')).map(
      ([tenant]) => tenant as string,
    );
  const numbers = await findEventNumbers(
    db,
    asked.flatMap((tenant) => eventIds.map((id) => ({ tenant, id }))),
  );
  return [
    numbersFrom(
      db,
      'event_number = ANY ($4::bigint[]) AND shard = ANY ($5::smallint[])',
      numbers,
      numbers.map(shardOfNumber),
    ),
  ];
}

/** A job's deliveries by their state, each in the order of its index. */
function redriveArms(db: Database, ids: readonly string[]): Arm[] {
  return ids.flatMap((id) =>
    Object.values(stateNumbers).map((state) => numbersFrom(db, `redrive_id = $4 AND state = ${state}`, id)),
  );
}

/** The indexes that lead to everything the search can match; null: it has to look through all rows. */
async function armsOf(db: Database, search: DeliverySearch): Promise<Arm[] | null> {
  const { eventIds, redriveIds, blocked, endpointIds } = search;
  if (eventIds !== undefined) return await eventArms(db, search);
  if (redriveIds !== undefined && redriveIds.length <= maxRedrives) return redriveArms(db, redriveIds);
  const states = blocked ? (['pending'] as const) : search.states;
  if (states === undefined || states.includes('delivered')) return null;
  let chosen: readonly number[] | null = null;
  if (endpointIds !== undefined || blocked) {
    const rows = await db.query(
      '',
      `SELECT p.num FROM posthorn.endpoints p WHERE ($1::text[] IS NULL OR p.id = ANY ($1)) AND ${blocked ? blocksKeysSql : 'true'}`,
      [endpointIds ?? null],
    );
    chosen = rows.map(numberIn);
  }
  const pending = states.includes('pending') ? await pendingArms(db, chosen) : [];
  if (pending === null) return null;
  const ended = states.filter((state) => state !== 'pending');
  return [...pending, ...endedArms(db, ended, chosen)];
}

/** The first row of a range, by the key of each shard; null: it has none. */
async function firstIn(
  db: Database,
  table: NumberedTable,
  { first, last }: NumberRange,
  order: Order,
): Promise<{ readonly number: number; readonly createdAt: number } | null> {
  const of = (shard: string): string =>
    `SELECT number, ${timeColumns[table]} AS at FROM posthorn.${table} WHERE ${shard} AND number BETWEEN $1 AND $2 ORDER BY number ${order} LIMIT 1`;
  const [row] = await db.query(
    '',
    db.oneShard
      ? of('true')
      : `SELECT f.number, f.at FROM unnest($3::smallint[]) AS s (shard) CROSS JOIN LATERAL (${of('shard = s.shard')}) f
         ORDER BY f.number ${order} LIMIT 1`,
    db.oneShard ? [first, last] : [first, last, allShards],
  );
  return row === undefined ? null : { number: row[0] as number, createdAt: row[1] as number };
}

/** The next numbers of a walk over all rows: each number of the sequence was used once, so their span bounds the rows. */
export async function walk(
  db: Database,
  table: NumberedTable,
  range: NumberRange,
  shards: readonly number[],
  { order, maxRows }: SearchPage,
): Promise<{
  readonly part: NumberRange;
  readonly end: number | null;
  readonly endAt: number;
  readonly rowsRead: number;
} | null> {
  const begin = await firstIn(db, table, range, order);
  const time = timeColumns[table];
  if (begin === null) return null;
  const span = (maxRows - 1) * shardCount;
  const end =
    order === 'desc' ? Math.max(range.first, begin.number - span) : Math.min(range.last, begin.number + span);
  const part = partTo(range, end, order);
  const [row] = await db.query(
    '',
    `SELECT count(*), min(${time}), max(${time}) FROM posthorn.${table} WHERE shard = ANY ($1::smallint[]) AND number BETWEEN $2 AND $3`,
    [shards, part.first, part.last],
  );
  const [rowsRead, oldest, newest] = row as [number, number | null, number | null];
  return {
    part,
    end: end === endOf(range, order) ? null : end,
    endAt: (order === 'desc' ? oldest : newest) ?? begin.createdAt,
    rowsRead,
  };
}

export async function searchDeliveries(
  db: Database,
  search: DeliverySearch,
  page: SearchPage,
): Promise<SearchStep> {
  const { order, limit, maxRows } = page;
  const nothing = { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  const range = remaining(page);
  if (range === null) return nothing;
  const { eventIds: _, ...filter } = search;
  const { tenants, orderingKeys } = search;
  const matching = async (among: string, chosen: readonly Value[]): Promise<number[]> => {
    const { where, values } = filterSql(filter, 2 + chosen.length);
    const rows = await db.query(
      '',
      `SELECT d.number FROM ${among} JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
         JOIN posthorn.endpoints p ON p.num = d.endpoint
       WHERE ${where} ORDER BY d.number ${order} LIMIT $1`,
      [limit, ...chosen, ...values],
    );
    return rows.map(numberIn);
  };
  const arms = await armsOf(db, search);
  if (arms === null) {
    // The events of a key share a shard.
    const shards =
      tenants === undefined || orderingKeys === undefined
        ? allShards
        : [...new Set(tenants.flatMap((tenant) => orderingKeys.map((key) => hashShard(tenant, key))))];
    const walked = await walk(db, 'deliveries', range, shards, page);
    if (walked === null) return nothing;
    const { part, end, endAt, rowsRead } = walked;
    const rows = `(SELECT * FROM posthorn.deliveries WHERE shard = ANY ($2::smallint[]) AND number BETWEEN $3 AND $4) d`;
    const step = stepFrom(await matching(rows, [shards, part.first, part.last]), page, rowsRead, end);
    // The number that a walk ends at need not be one of a row.
    return {
      ...step,
      searchedTo: step.next === end && end !== null ? endAt : await madeAt(db, 'deliveries', step.next),
    };
  }
  const lists: number[][] = [];
  for (const arm of arms) lists.push(await arm(range, order, maxRows));
  const { numbers, isCut } = firstNumbers(lists, order, maxRows);
  const rows = `unnest($2::bigint[], $3::smallint[]) AS k (number, shard)
    JOIN posthorn.deliveries d ON d.shard = k.shard AND d.number = k.number`;
  const found = await matching(rows, [numbers, numbers.map(shardOfNumber)]);
  const step = stepFrom(found, page, numbers.length, isCut ? numbers.at(-1)! : null);
  return { ...step, searchedTo: await madeAt(db, 'deliveries', step.next) };
}

/** When the row of a number was made. */
export async function madeAt(
  db: Database,
  table: NumberedTable,
  number: number | null,
): Promise<number | null> {
  if (number === null) return null;
  const [row] = await db.query(
    '',
    `SELECT ${timeColumns[table]} FROM posthorn.${table} WHERE shard = $1 AND number = $2`,
    [shardOfNumber(number), number],
  );
  return (row?.[0] as number | undefined) ?? null;
}

/** Remembers, within the transaction that creates them, deliveries whose event was accepted long before. */
export async function noteDisorder(connection: Connection, lateMs: number): Promise<void> {
  const kept = disorderToKeep(lateMs);
  if (kept === null) return;
  await connection.query(
    'disorder_note',
    `INSERT INTO posthorn.settings AS s (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE s.value::bigint < excluded.value::bigint`,
    [disorderSetting, String(kept)],
  );
}

export async function numbersWithin(
  db: Database,
  table: NumberedTable,
  { since, until }: { readonly since?: number; readonly until?: number },
): Promise<NumberRange> {
  if (since === undefined && until === undefined) return allNumbers;
  const highest = await firstIn(db, table, allNumbers, 'desc');
  if (highest === null) return allNumbers;
  const [kept] = await db.query('setting', 'SELECT value FROM posthorn.settings WHERE name = $1', [
    disorderSetting,
  ]);
  const slackMs = disorderFrom(kept?.[0] as string | undefined);
  const at = (time: number): Promise<number> =>
    firstNumberAt(time, highest.number, async (from) => {
      const row = await firstIn(db, table, { first: from, last: allNumbers.last }, 'asc');
      return row?.createdAt ?? null;
    });
  return {
    first: since === undefined ? allNumbers.first : await at(since - slackMs),
    last: until === undefined ? allNumbers.last : await at(until + slackMs),
  };
}
