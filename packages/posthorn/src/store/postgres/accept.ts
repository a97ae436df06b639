import { byShard } from '../by-shard.ts';
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
import type { KnownEndpoint } from '../endpoint-index.ts';
import type { EndpointTable } from './endpoints.ts';
import { notifyDue } from './notify-due.ts';
import { forShards, inShards } from './in-shards.ts';
import { callOf } from './transitions.ts';

const stored = `e.tenant, e.id, e.type, e.data, e.ordering_key, e.occurred_at, e.accepted_at, e.amount_minor::text, e.currency,
  e.deliveries, e.suppressed, e.number, e.digest, e.routing_keys, e.data_deleted_at`;

interface EventKey {
  readonly tenant: string;
  readonly id: string;
}

/** The numbers of the events of these tenants and ids, by statements of one shard each. */
async function numbersByShard(connection: Connection, asked: readonly EventKey[]): Promise<number[]> {
  const homeOf = ({ tenant, id }: EventKey): number => eventShard(tenant, id);
  const rows = await inShards(connection, asked, homeOf, (of, { values }) =>
    connection.query(
      'receipts_find_one',
      `SELECT r.event_number FROM unnest($1::text[], $2::text[]) AS a (tenant, id)
       JOIN posthorn.receipts r ON r.shard = $3::smallint AND r.tenant = a.tenant AND r.id = a.id`,
      [of.map(({ tenant }) => tenant), of.map(({ id }) => id), ...values],
    ),
  );
  return rows.map(([number]) => number as number);
}

type Find = (connection: Connection, asked: readonly EventKey[]) => Promise<Row[]>;

const findTogether: Find = (connection, asked) =>
  connection.query(
    'events_find',
    `SELECT ${stored} FROM unnest($1::smallint[], $2::text[], $3::text[]) AS a (shard, tenant, id)
     JOIN posthorn.receipts r ON r.shard = a.shard AND r.tenant = a.tenant AND r.id = a.id
     JOIN posthorn.events e ON e.shard = (r.event_number & 63)::smallint AND e.number = r.event_number`,
    [
      asked.map(({ tenant, id }) => eventShard(tenant, id)),
      asked.map(({ tenant }) => tenant),
      asked.map(({ id }) => id),
    ],
  );

/** First the receipts in their homes, then the events where those say. */
const findByShard: Find = async (connection, asked) =>
  await inShards(connection, await numbersByShard(connection, asked), shardOfNumber, (of, shard) =>
    connection.query(
      'events_find_one',
      `SELECT ${stored} FROM posthorn.events e WHERE e.shard = $2::smallint AND e.number = ANY ($1::bigint[])`,
      [of, ...shard.values],
    ),
  );

/** The stored events of these tenants and ids, wherever their ordering keys have put them. */
async function findEvents(connection: Connection, asked: readonly EventKey[]): Promise<Row[]> {
  if (asked.length === 0) return [];
  return await connection.shards.choose({ spanning: findTogether, single: findByShard })(connection, asked);
}

/** Stored events by their numbers; they stay until the caller's transaction ends. */
export async function lockEventsByNumber(connection: Connection, numbers: readonly number[]): Promise<Row[]> {
  return await inShards(connection, numbers, shardOfNumber, (of) =>
    connection.query(
      'events_lock',
      `SELECT ${stored} FROM posthorn.events e
       WHERE e.shard = ANY ($2::smallint[]) AND e.number = ANY ($1::bigint[]) ORDER BY e.shard, e.number FOR UPDATE`,
      [of, [...new Set(of.map(shardOfNumber))]],
    ),
  );
}

export async function findEvent(
  connection: Connection,
  tenant: string,
  id: string,
): Promise<Row | undefined> {
  return (await findEvents(connection, [{ tenant, id }]))[0];
}

/** What is stored under the ids of these events, by `keyOf`. */
export async function findStored(
  connection: Connection,
  groups: readonly (readonly NewEvent[])[],
): Promise<Map<string, StoredEvent>> {
  const asked = groups.flat().filter(({ callerId }) => callerId);
  const rows = await findEvents(connection, asked);
  return new Map(rows.map(storedOf).map((event) => [keyOf(event.receipt), event]));
}

/**
 * By a call for each shard, in the caller's transaction unless `areApart`. What such a call cannot do comes before:
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
    await connection.query('accept_receipts_one', callOf(acceptTransitions.accept_receipts_one), [
      home,
      of.map(({ planned }) => planned.event.tenant),
      of.map(({ planned }) => planned.event.id),
      of.map(({ planned, number }) => number * shardCount + planned.event.shard),
    ]);
  }
  const numbers = new Map<number, number>();
  await forShards(
    connection,
    numbered,
    ({ planned }) => planned.event.shard,
    async (of, { values }) => {
      const ords = of.flatMap((event) => event.ords);
      const own = of.map(({ planned }) => planned);
      const name = hasSuppressed(own) ? 'accept_suppressed_one' : 'accept_one';
      await connection.query(name, callOf(acceptTransitions[name]), [
        ...valuesOf(version, own, options),
        ...values,
        of.map(({ number }) => number),
        ords.map((at) => deliveryNumbers[at]!),
      ]);
      for (const at of ords) numbers.set(at, deliveryNumber(deliveryNumbers[at]!, own[0]!.event.shard));
    },
  );
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

/**
 * Writes what was planned; answers null, with nothing written, where the endpoints are newer than `version`, else numbers
 * of what was claimed by its place among the deliveries. Where a statement names one shard, it takes several: the caller
 * holds a transaction if they belong together.
 */
export async function insertPlanned(
  connection: Connection,
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: InsertOptions,
): Promise<ReadonlyMap<number, number> | null> {
  const insert = connection.shards.choose({ spanning: insertTogether, single: insertByShard });
  return await insert(connection, version, events, options);
}

async function insertTogether(
  connection: Connection,
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: InsertOptions,
): Promise<ReadonlyMap<number, number> | null> {
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
export async function numbersOf(
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

/**
 * Whether a call for each shard may be a transaction of its own: each group (which is stored whole or not at all) lies in one shard
 * with its receipts, and none has an id of the caller's, which another node may have accepted meanwhile. A transaction over several workers
 * would be committed in two phases.
 */
function areApart(events: readonly PlannedEvent<KnownEndpoint>[]): boolean {
  const [first] = events;
  const isInOneShard = (of: readonly PlannedEvent<KnownEndpoint>[], shard: number): boolean =>
    of.every(({ event }) => event.shard === shard && eventShard(event.tenant, event.id) === shard);
  if (isInOneShard(events, first!.event.shard)) return true;
  return (
    events.every(({ event }) => !event.callerId) &&
    [...Map.groupBy(events, ({ group }) => group).values()].every((of) =>
      isInOneShard(of, of[0]!.event.shard),
    )
  );
}

/** Whether several statements store a plan that belongs together. */
function takesTransaction(db: Database, { events, fanOuts }: AcceptPlan<KnownEndpoint>): boolean {
  const needs = db.shards.choose({ spanning: () => false, single: () => !areApart(events) });
  return fanOuts.length > 0 || needs();
}

/** Stores a plan, or throws a `StaleCopyError`; returns the numbers of its deliveries by their place. */
async function storePlan(
  db: Database,
  version: number,
  plan: AcceptPlan<KnownEndpoint>,
  options: AcceptOptions,
): Promise<ReadonlyMap<number, number>> {
  try {
    const numbers = takesTransaction(db, plan)
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
        subscribers: (tenant, type) => copy.index.subscribers(tenant, type),
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
