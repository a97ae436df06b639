import type { SQLInputValue } from 'node:sqlite';
import { hashShard } from '../../domain/shard.ts';
import type { DeliveryState } from '../../domain/delivery.ts';
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
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { endpointNumbers, filterSql } from './filter.ts';

/** A migration: the way to what ended undelivered, whatever endpoint it was for. What is pending or delivered is not in it. */
export const searchMigration =
  'CREATE INDEX deliveries_ended_listed ON deliveries (state, number) WHERE state >= 2;';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex =
  'CREATE INDEX deliveries_retried ON deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;';

type NumberedTable = 'deliveries' | 'events';
const timeColumns = { deliveries: 'created_at', events: 'accepted_at' } as const;

/** Numbers of a range, in an order, from an index that has few of all rows. */
type Arm = (range: NumberRange, order: Order, max: number) => number[];

const numbersFrom =
  (db: Database, where: string, ...values: SQLInputValue[]): Arm =>
  ({ first, last }, order, max) =>
    db
      .all(
        `SELECT number FROM deliveries WHERE ${where} AND number BETWEEN ? AND ? ORDER BY number ${order} LIMIT +?`,
        ...values,
        first,
        last,
        max,
      )
      .map(([number]) => number as number);

/** Pending ones by the index of what is due, which is in another order: null if they are too many to be put in order. */
function pendingArms(db: Database, endpoints: readonly number[] | null): Arm[] | null {
  const of = endpoints === null ? '' : ' AND endpoint IN (SELECT value FROM json_each(?))';
  const values = endpoints === null ? [] : [JSON.stringify(endpoints)];
  const from = `FROM deliveries INDEXED BY deliveries_due WHERE state = 0${of}`;
  const [count] = db.get(
    `SELECT count(*) FROM (SELECT 1 ${from} LIMIT ${maxPendingCollected + 1})`,
    ...values,
  )!;
  if ((count as number) > maxPendingCollected) return null;
  return [
    ({ first, last }, order, max) =>
      db
        .all(
          `SELECT number ${from} AND +number BETWEEN ? AND ? ORDER BY +number ${order} LIMIT +?`,
          ...values,
          first,
          last,
          max,
        )
        .map(([number]) => number as number),
  ];
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
        // The condition of the index, and the state as it is in it.
        numbersFrom(db, `state >= 2 AND state = ${state} AND endpoint = ?`, endpoint),
      ),
    );
  return numbers.map((state) => numbersFrom(db, `state >= 2 AND state = ${state}`));
}

function eventArms(db: Database, { tenants, eventIds = [] }: DeliverySearch): Arm[] {
  const numbers = findEventNumbers(db, eventIds, tenants);
  return [numbersFrom(db, 'event_number IN (SELECT value FROM json_each(?))', JSON.stringify(numbers))];
}

/** A job's deliveries by their state, each in the order of its index. */
function redriveArms(db: Database, ids: readonly string[]): Arm[] {
  return ids.flatMap((id) =>
    Object.values(stateNumbers).map((state) =>
      numbersFrom(db, `redrive_id = ? AND redrive_id IS NOT NULL AND state = ${state}`, id),
    ),
  );
}

/** The indexes that lead to everything the search can match; null: it has to look through all rows. */
function armsOf(db: Database, endpoints: EndpointTable, search: DeliverySearch): Arm[] | null {
  const { eventIds, redriveIds, blocked, endpointIds } = search;
  if (eventIds !== undefined) return eventArms(db, search);
  if (redriveIds !== undefined && redriveIds.length <= maxRedrives) return redriveArms(db, redriveIds);
  const states = blocked ? (['pending'] as const) : search.states;
  if (states === undefined || states.includes('delivered')) return null;
  let chosen = endpointIds === undefined ? null : endpointNumbers(db, endpoints, endpointIds);
  if (blocked) {
    const blocking = db
      .all(`SELECT p.num FROM endpoints p WHERE ${blocksKeysSql}`)
      .map(([num]) => num as number);
    chosen = chosen === null ? blocking : chosen.filter((num) => blocking.includes(num));
  }
  const pending = states.includes('pending') ? pendingArms(db, chosen) : [];
  if (pending === null) return null;
  const ended = states.filter((state) => state !== 'pending');
  return [...pending, ...endedArms(db, ended, chosen)];
}

/** How far a walk over all rows comes, and how many it reads. */
export function walkTo(
  db: Database,
  table: NumberedTable,
  { first, last }: NumberRange,
  order: Order,
  maxRows: number,
): { readonly end: number | null; readonly rowsRead: number } {
  const rows = `FROM ${table} NOT INDEXED WHERE number BETWEEN ? AND ?`;
  const row = db.get(
    `SELECT number ${rows} ORDER BY number ${order} LIMIT 1 OFFSET +?`,
    first,
    last,
    maxRows - 1,
  );
  if (row !== undefined) return { end: row[0] as number, rowsRead: maxRows };
  return { end: null, rowsRead: db.get(`SELECT count(*) ${rows}`, first, last)![0] as number };
}

export function searchDeliveries(
  db: Database,
  endpoints: EndpointTable,
  search: DeliverySearch,
  page: SearchPage,
): SearchStep {
  const { order, limit, maxRows } = page;
  const range = remaining(page);
  if (range === null) return { numbers: [], rowsRead: 0, next: null, searchedTo: null };
  return db.snapshot(() => {
    const dated = (step: Omit<SearchStep, 'searchedTo'>): SearchStep => ({
      ...step,
      searchedTo:
        step.next === null
          ? null
          : (db.get('SELECT created_at FROM deliveries WHERE number = ?', step.next)![0] as number),
    });
    const { eventIds: _, ...filter } = search;
    const arms = armsOf(db, endpoints, search);
    const { where, values } = filterSql(filter, endpoints, db);
    const { tenants, orderingKeys } = search;
    // The events of a key share a shard, which a delivery's number tells: nothing else is looked up for the others.
    const shards =
      tenants === undefined || orderingKeys === undefined
        ? null
        : tenants.flatMap((tenant) => orderingKeys.map((key) => hashShard(tenant, key)));
    const ofShards = shards === null ? '' : ' AND d.number % 64 IN (SELECT value FROM json_each(?))';
    const withEndpoints = search.blocked ? ' CROSS JOIN endpoints p ON p.num = d.endpoint' : '';
    const matching = (among: string, ...chosen: SQLInputValue[]): number[] =>
      db
        .all(
          `SELECT d.number FROM deliveries d NOT INDEXED CROSS JOIN events e ON e.number = d.event_number${withEndpoints}
           WHERE ${among}${ofShards} AND ${where} ORDER BY d.number ${order} LIMIT +?`,
          ...chosen,
          ...(shards === null ? [] : [JSON.stringify(shards)]),
          ...values,
          limit,
        )
        .map(([number]) => number as number);
    if (arms === null) {
      const { end, rowsRead } = walkTo(db, 'deliveries', range, order, maxRows);
      const part = partTo(range, end ?? endOf(range, order), order);
      return dated(
        stepFrom(matching('d.number BETWEEN ? AND ?', part.first, part.last), page, rowsRead, end),
      );
    }
    const lists = arms.map((arm) => arm(range, order, maxRows));
    const { numbers, isCut } = firstNumbers(lists, order, maxRows);
    const found = matching('d.number IN (SELECT value FROM json_each(?))', JSON.stringify(numbers));
    return dated(stepFrom(found, page, numbers.length, isCut ? numbers.at(-1)! : null));
  });
}

const disorderSql = 'SELECT value FROM settings WHERE name = ?';

/** Remembers, within the transaction that creates them, deliveries whose event was accepted long before. */
export function noteDisorder(db: Database, lateMs: number): void {
  const kept = disorderToKeep(lateMs);
  if (kept === null || kept <= disorderFrom(db.get(disorderSql, disorderSetting)?.[0] as string | undefined))
    return;
  db.run(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    disorderSetting,
    String(kept),
  );
}

export async function numbersWithin(
  db: Database,
  table: NumberedTable,
  { since, until }: { readonly since?: number; readonly until?: number },
): Promise<NumberRange> {
  if (since === undefined && until === undefined) return allNumbers;
  const highest = db.get(`SELECT max(number) FROM ${table}`)?.[0] as number | null | undefined;
  if (highest === null || highest === undefined) return allNumbers;
  const slackMs = disorderFrom(db.get(disorderSql, disorderSetting)?.[0] as string | undefined);
  const at = (time: number): Promise<number> =>
    firstNumberAt(
      time,
      highest,
      (from) =>
        (db.get(
          `SELECT ${timeColumns[table]} FROM ${table} WHERE number >= ? ORDER BY number LIMIT 1`,
          from,
        )?.[0] as number | undefined) ?? null,
    );
  return {
    first: since === undefined ? allNumbers.first : await at(since - slackMs),
    last: until === undefined ? allNumbers.last : await at(until + slackMs),
  };
}
