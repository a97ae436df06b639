import type { NewEvent } from '../../domain/event.ts';
import { deliveryNumber, eventShard, shardOfNumber } from '../../domain/ids.ts';
import { shardCount } from '../../domain/shard.ts';
import { insertFanOut, tenantsFanningOut } from './fan-out-plan.ts';
import { type AcceptPlan, keyOf, planAccept, type PlannedEvent, type StoredEvent } from '../plan.ts';
import { storedOf } from '../rows.ts';
import type { AcceptAnswer, AcceptOptions, FreshDelivery } from '../store.ts';
import { StaleCopyError, withCurrentEndpoints } from './current-endpoints.ts';
import {
  acceptTransitions,
  hasSuppressed,
  type InsertOptions,
  spanningTexts,
  valuesOf,
} from './accept-sql.ts';
import { type Connection, type Database, type Row, uniqueViolation } from './database.ts';
import type { EndpointTable, KnownEndpoint } from './endpoints.ts';
import { notifyDue } from './notify-due.ts';
import { callOf } from './transitions.ts';

const stored = `e.tenant, e.id, e.type, e.data, e.ordering_key, e.occurred_at, e.accepted_at, e.amount_minor::text, e.currency,
  e.deliveries, e.suppressed, e.number, e.digest`;
const atReceipt = 'e.shard = (r.event_number & 63)::smallint AND e.number = r.event_number';

interface EventKey {
  readonly tenant: string;
  readonly id: string;
}

/** The numbers of the events of these tenants and ids, by statements of one shard each. */
async function numbersByShard(connection: Connection, asked: readonly EventKey[]): Promise<number[]> {
  const homes = Map.groupBy(asked, ({ tenant, id }) => eventShard(tenant, id));
  const receipts = await Promise.all(
    [...homes].map(([shard, of]) =>
      connection.query(
        'receipts_find_one',
        `SELECT r.event_number FROM unnest($1::text[], $2::text[]) AS a (tenant, id)
         JOIN posthorn.receipts r ON r.shard = $3::smallint AND r.tenant = a.tenant AND r.id = a.id`,
        [of.map(({ tenant }) => tenant), of.map(({ id }) => id), shard],
      ),
    ),
  );
  return receipts.flat().map(([number]) => number as number);
}

/** Stored events by statements of one shard each: first the receipts in their homes, then the events where those say. */
async function findByShard(connection: Connection, asked: readonly EventKey[]): Promise<Row[]> {
  const numbers = await numbersByShard(connection, asked);
  const events = await Promise.all(
    [...Map.groupBy(numbers, shardOfNumber)].map(([shard, of]) =>
      connection.query(
        'events_find_one',
        `SELECT ${stored} FROM posthorn.events e WHERE e.shard = $2::smallint AND e.number = ANY ($1::bigint[])`,
        [of, shard],
      ),
    ),
  );
  return events.flat();
}

/** Stored events by their numbers; they stay until the caller's transaction ends. */
export async function lockEventsByNumber(connection: Connection, numbers: readonly number[]): Promise<Row[]> {
  if (!connection.oneShard)
    return await connection.query(
      'events_lock',
      `SELECT ${stored} FROM posthorn.events e
       WHERE e.shard = ANY ($2::smallint[]) AND e.number = ANY ($1::bigint[]) ORDER BY e.shard, e.number FOR UPDATE`,
      [numbers, [...new Set(numbers.map(shardOfNumber))]],
    );
  const rows: Row[] = [];
  for (const [shard, of] of byShard(numbers, shardOfNumber))
    rows.push(
      ...(await connection.query(
        'events_lock_one',
        `SELECT ${stored} FROM posthorn.events e WHERE e.shard = $2::smallint AND e.number = ANY ($1::bigint[]) ORDER BY e.number FOR UPDATE`,
        [of, shard],
      )),
    );
  return rows;
}

/** The stored event of this tenant and id, wherever its ordering key has put it. */
export async function findEvent(
  connection: Connection,
  tenant: string,
  id: string,
): Promise<Row | undefined> {
  if (connection.oneShard) return (await findByShard(connection, [{ tenant, id }]))[0];
  const [row] = await connection.query(
    'event_find',
    `SELECT ${stored} FROM posthorn.receipts r JOIN posthorn.events e ON ${atReceipt}
     WHERE r.shard = $1 AND r.tenant = $2 AND r.id = $3`,
    [eventShard(tenant, id), tenant, id],
  );
  return row;
}

async function findStored(
  connection: Connection,
  groups: readonly (readonly NewEvent[])[],
): Promise<Map<string, StoredEvent>> {
  const asked = groups.flat().filter(({ callerId }) => callerId);
  if (asked.length === 0) return new Map();
  if (connection.oneShard) {
    const found = await findByShard(connection, asked);
    return new Map(found.map(storedOf).map((event) => [keyOf(event.receipt), event]));
  }
  const rows = await connection.query(
    'events_find',
    `SELECT ${stored} FROM unnest($1::smallint[], $2::text[], $3::text[]) AS a (shard, tenant, id)
     JOIN posthorn.receipts r ON r.shard = a.shard AND r.tenant = a.tenant AND r.id = a.id
     JOIN posthorn.events e ON ${atReceipt}`,
    [
      asked.map(({ tenant, id }) => eventShard(tenant, id)),
      asked.map(({ tenant }) => tenant),
      asked.map(({ id }) => id),
    ],
  );
  return new Map(rows.map(storedOf).map((event) => [keyOf(event.receipt), event]));
}

/**
 * By a call for each shard, in the caller's transaction if there are several. What such a call cannot do comes before:
 * looking at the endpoints' version, drawing numbers, and the receipts whose home is another shard than their event's.
 * Numbers are drawn in the order of the events.
 */
async function insertByShard(
  connection: Connection,
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: InsertOptions,
): Promise<ReadonlyMap<number, number> | null> {
  let ord = 0;
  const placed = events.map((planned) => {
    const from = ord;
    ord += planned.deliveries.length;
    return { planned, from, ords: planned.deliveries.map((_, at) => from + at) };
  });
  const { current, eventNumbers, deliveryNumbers } = await draw(connection, events.length, ord);
  if (current !== version) return null;
  const numbered = placed.map((event, index) => ({ ...event, number: eventNumbers[index]! }));
  const elsewhere = numbered.filter(
    ({ planned: { event } }) => eventShard(event.tenant, event.id) !== event.shard,
  );
  // In the order of shards, so that two transactions never wait for each other in a circle.
  for (const [home, of] of byShard(elsewhere, ({ planned: { event } }) =>
    eventShard(event.tenant, event.id),
  )) {
    await connection.query(
      'accept_receipts_one',
      `INSERT INTO posthorn.receipts (shard, tenant, id, event_number)
       SELECT $1::smallint, u.* FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u`,
      [
        home,
        of.map(({ planned }) => planned.event.tenant),
        of.map(({ planned }) => planned.event.id),
        of.map(({ planned, number }) => number * shardCount + planned.event.shard),
      ],
    );
  }
  const numbers = new Map<number, number>();
  for (const [shard, of] of byShard(numbered, ({ planned }) => planned.event.shard)) {
    const ords = of.flatMap((event) => event.ords);
    const own = of.map(({ planned }) => planned);
    const name = hasSuppressed(own) ? 'accept_suppressed_one' : 'accept_one';
    await connection.query(name, callOf(acceptTransitions[name]), [
      ...valuesOf(version, own, options),
      shard,
      of.map(({ number }) => number),
      ords.map((at) => deliveryNumbers[at]!),
    ]);
    for (const at of ords) numbers.set(at, deliveryNumber(deliveryNumbers[at]!, shard));
  }
  return numbers;
}

/** The version of the endpoints, and numbers in ascending order: sequences are on the coordinator. */
async function draw(
  connection: Connection,
  events: number,
  deliveries: number,
): Promise<{ current: number; eventNumbers: number[]; deliveryNumbers: number[] }> {
  const rows = await connection.query(
    'accept_draw',
    `SELECT version, NULL::bigint, 0 FROM posthorn.config
     UNION ALL SELECT NULL, nextval('posthorn.event_numbers'), 1 FROM generate_series(1, $1::int)
     UNION ALL SELECT NULL, nextval('posthorn.delivery_numbers'), 2 FROM generate_series(1, $2::int)`,
    [events, deliveries],
  );
  const of = (kind: number): number[] =>
    rows.flatMap(([, number, one]) => (one === kind ? [number as number] : [])).toSorted((a, b) => a - b);
  return {
    current: rows.find(([, , kind]) => kind === 0)![0] as number,
    eventNumbers: of(1),
    deliveryNumbers: of(2),
  };
}

export function byShard<T>(items: readonly T[], of: (item: T) => number): [number, T[]][] {
  return [...Map.groupBy(items, of)].toSorted(([a], [b]) => a - b);
}

/**
 * Writes what was planned; answers null, with nothing written, where the endpoints are newer than `version`, else numbers
 * of what was claimed by its place among the deliveries. Where a statement names one shard, it takes several: then the
 * caller holds a transaction.
 */
export async function insertPlanned(
  connection: Connection,
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: InsertOptions,
): Promise<ReadonlyMap<number, number> | null> {
  if (connection.oneShard) return await insertByShard(connection, version, events, options);
  const name = hasSuppressed(events) ? 'accept_suppressed' : 'accept';
  const rows = await connection.query(name, spanningTexts[name], valuesOf(version, events, options));
  if (rows.length === 0) return null;
  return new Map(
    rows.filter(([, ord]) => ord !== null).map(([, ord, number]) => [(ord as number) - 1, number as number]),
  );
}

/** The same with the fan-outs that go on after it; the caller holds a transaction. */
async function insertWhole(
  connection: Connection,
  version: number,
  { events, fanOuts }: AcceptPlan<KnownEndpoint>,
  options: InsertOptions,
): Promise<ReadonlyMap<number, number> | null> {
  const claimed = await insertPlanned(connection, version, events, options);
  if (claimed === null) return null;
  for (const fanOut of fanOuts) {
    const of = fanOut.events.map(({ planned }) => planned.event);
    await insertFanOut(connection, fanOut, await numbersOf(connection, of), options);
  }
  return claimed;
}

/** Numbers of events that this transaction has stored, by tenant and id. */
async function numbersOf(
  connection: Connection,
  events: readonly NewEvent[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const [home, of] of byShard(events, ({ tenant, id }) => eventShard(tenant, id))) {
    const rows = await connection.query(
      'receipts_numbers',
      `SELECT r.tenant, r.id, r.event_number FROM unnest($1::text[], $2::text[]) AS a (tenant, id)
       JOIN posthorn.receipts r ON r.shard = $3::smallint AND r.tenant = a.tenant AND r.id = a.id`,
      [of.map(({ tenant }) => tenant), of.map(({ id }) => id), home],
    );
    for (const [tenant, id, number] of rows as [string, string, number][])
      found.set(keyOf({ tenant, id }), number);
  }
  return found;
}

/** Whether one call stores them: their receipts lie beside them too. */
function isInOneShard(events: readonly NewEvent[]): boolean {
  const [first] = events;
  return events.every(
    ({ tenant, id, shard }) => shard === first!.shard && eventShard(tenant, id) === first!.shard,
  );
}

/** Stores a plan, or throws a `StaleCopyError`; returns the numbers of its deliveries by their place. */
async function storePlan(
  db: Database,
  version: number,
  plan: AcceptPlan<KnownEndpoint>,
  options: AcceptOptions,
): Promise<ReadonlyMap<number, number>> {
  const inTransaction =
    plan.fanOuts.length > 0 || (db.oneShard && !isInOneShard(plan.events.map(({ event }) => event)));
  try {
    const numbers = inTransaction
      ? await db.transaction((connection) => insertWhole(connection, version, plan, options))
      : await insertPlanned(db.hot, version, plan.events, options);
    if (numbers !== null) return numbers;
  } catch (error) {
    // Another node accepted one of these ids a moment ago: now its receipt is there to be found (G1).
    if (!uniqueViolation(error)) throw error;
  }
  throw new StaleCopyError();
}

function claimedOf(
  { events }: AcceptPlan<KnownEndpoint>,
  numbers: ReadonlyMap<number, number>,
): FreshDelivery[] {
  const claimed: FreshDelivery[] = [];
  let place = 0;
  for (const { group, index, deliveries } of events)
    for (const { known, leaseUntil } of deliveries) {
      if (leaseUntil !== null)
        claimed.push({
          number: numbers.get(place)!,
          endpointId: known.endpoint.id,
          leaseUntil,
          group,
          event: index,
        });
      place++;
    }
  return claimed;
}

export async function accept(
  db: Database,
  endpoints: EndpointTable,
  groups: readonly (readonly NewEvent[])[],
  options: AcceptOptions,
): Promise<AcceptAnswer> {
  return await withCurrentEndpoints(endpoints, async (copy) => {
    const before = await findStored(db.hot, groups);
    const plan = planAccept(
      groups,
      {
        stored: (event) => before.get(keyOf(event)),
        ofTenant: (tenant) => copy.byTenant.get(tenant) ?? [],
        fanningOut: await tenantsFanningOut(db, groups),
      },
      options,
    );
    if (plan.events.length === 0) return { groups: plan.answers, claimed: [], waiting: [], fanOuts: 0 };
    const claimed = claimedOf(plan, await storePlan(db, copy.version, plan, options));
    // Only a hint, so the publisher need not wait for it.
    if (plan.waiting.length > 0) void notifyDue(db, plan.waiting);
    return { groups: plan.answers, claimed, waiting: plan.waiting, fanOuts: plan.fanOuts.length };
  });
}
