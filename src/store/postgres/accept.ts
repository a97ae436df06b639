import type { NewEvent } from '../../domain/event.ts';
import { eventShard } from '../../domain/ids.ts';
import { keyOf, planAccept, type PlannedEvent, type StoredEvent } from '../plan.ts';
import { storedOf } from '../rows.ts';
import type { AcceptAnswer, AcceptOptions, FreshDelivery } from '../store.ts';
import { type Connection, type Database, type Row, uniqueViolation, type Value } from './database.ts';
import type { EndpointTable, KnownEndpoint } from './endpoints.ts';

const stored = `e.tenant, e.id, e.type, e.data, e.ordering_key, e.occurred_at, e.accepted_at, e.amount_minor::text, e.currency,
  e.deliveries, e.suppressed, e.number`;
const atReceipt = 'e.shard = (r.event_number & 63)::smallint AND e.number = r.event_number';

/** The stored event of this tenant and id, wherever its ordering key has put it. */
export async function findEvent(
  connection: Connection,
  tenant: string,
  id: string,
): Promise<Row | undefined> {
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
 * One statement is the whole transaction (G4): events, the receipts that guard their ids, deliveries and counters.
 * It stores nothing where the endpoints have changed since the plan was made. Numbers come from sequences in the
 * order of the events, so that a later event of an ordering key has the higher number.
 */
const insert = `WITH
  guard AS MATERIALIZED (SELECT true AS ok FROM posthorn.config WHERE version = $1::bigint),
  ev AS MATERIALIZED (
    SELECT u.*, nextval('posthorn.event_numbers') * 64 + u.shard AS number FROM guard, (
      SELECT * FROM unnest($2::smallint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
        $10::bigint[], $11::text[], $12::int[], $13::int[], $14::int[])
      WITH ORDINALITY AS a (shard, home, tenant, id, type, data, ordering_key, occurred_at, amount_minor, currency, deliveries,
        suppressed, filtered, ord) ORDER BY ord) u),
  events AS (
    INSERT INTO posthorn.events (shard, number, tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor,
      currency, deliveries, suppressed, filtered)
    SELECT shard, number, tenant, id, type, data, ordering_key, occurred_at, $15::bigint, amount_minor, currency, deliveries, suppressed,
      filtered FROM ev),
  receipts AS (
    INSERT INTO posthorn.receipts (shard, tenant, id, event_number) SELECT home, tenant, id, number FROM ev),
  dl AS MATERIALIZED (
    SELECT j.*, nextval('posthorn.delivery_numbers') * 64 + j.shard AS number FROM (
      SELECT d.*, ev.shard, ev.type, ev.number AS event_number, CASE WHEN d.keyed THEN ev.ordering_key END AS order_key
      FROM unnest($16::int[], $17::int[], $18::boolean[], $19::bigint[], $20::boolean[], $21::smallint[])
        WITH ORDINALITY AS d (event, endpoint, enabled, lease_until, keyed, trigger, ord)
      JOIN ev ON ev.ord = d.event ORDER BY d.ord) j),
  deliveries AS (
    INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, claim, claimed_by, created_at, settled_at,
      reason, order_key, trigger)
    SELECT shard, number, event_number, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
      CASE WHEN enabled THEN coalesce(lease_until, $15::bigint) END, (lease_until IS NOT NULL)::int,
      CASE WHEN lease_until IS NOT NULL THEN $22::text END, $15::bigint, CASE WHEN NOT enabled THEN $15::bigint END,
      CASE WHEN NOT enabled THEN 'endpoint_paused' END, order_key, trigger FROM dl),
  ledger AS (
    INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, accepted, suppressed)
    SELECT 0, endpoint, $15::bigint / 3600000, $22::text || ':accept', count(*), count(*) FILTER (WHERE NOT enabled) FROM dl GROUP BY endpoint
    ON CONFLICT (shard, endpoint, hour, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed),
  tallies AS (
    INSERT INTO posthorn.tallies AS l (shard, endpoint, minute, type, writer, accepted, suppressed)
    SELECT 0, endpoint, $15::bigint / 60000, type, $22::text || ':accept', count(*), count(*) FILTER (WHERE NOT enabled)
    FROM dl GROUP BY endpoint, type
    ON CONFLICT (shard, endpoint, minute, type, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed),
  event_ledger AS (
    INSERT INTO posthorn.event_ledger AS l (shard, tenant, hour, type, writer, events, unmatched)
    SELECT 0, tenant, $15::bigint / 3600000, type, $22::text || ':accept', count(*), count(*) FILTER (WHERE deliveries = 0)
    FROM ev GROUP BY tenant, type
    ON CONFLICT (shard, tenant, hour, type, writer)
      DO UPDATE SET events = l.events + excluded.events, unmatched = l.unmatched + excluded.unmatched)
SELECT g.ok, dl.ord, dl.number FROM guard g LEFT JOIN dl ON dl.lease_until IS NOT NULL ORDER BY dl.ord`;

/** Writes what was planned; answers null where the endpoints are newer than `version`, else numbers of what was claimed. */
export async function insertPlanned(
  connection: Connection,
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: { readonly now: number; readonly node: string; readonly trigger?: number },
): Promise<ReadonlyMap<number, number> | null> {
  const deliveries = events.flatMap(({ deliveries: list }, index) =>
    list.map((delivery) => ({ ...delivery, index })),
  );
  const of = <T extends Value>(pick: (event: NewEvent) => T): T[] => events.map(({ event }) => pick(event));
  const rows = await connection.query('accept', insert, [
    version,
    of(({ shard }) => shard),
    of(({ tenant, id }) => eventShard(tenant, id)),
    of(({ tenant }) => tenant),
    of(({ id }) => id),
    of(({ type }) => type),
    of(({ data }) => data),
    of(({ orderingKey }) => orderingKey),
    of(({ occurredAt }) => occurredAt),
    of(({ value }) => value?.amountMinor.toString() ?? null),
    of(({ value }) => value?.currency ?? null),
    events.map(({ deliveries: list }) => list.length),
    events.map(({ suppressed }) => suppressed),
    events.map(({ filtered }) => filtered),
    options.now,
    deliveries.map(({ index }) => index + 1),
    deliveries.map(({ known }) => known.num),
    deliveries.map(({ known }) => known.endpoint.enabled),
    deliveries.map(({ leaseUntil }) => leaseUntil),
    deliveries.map(({ known }) => known.endpoint.ordering === 'key'),
    deliveries.map(() => options.trigger ?? 0),
    options.node,
  ] as Value[]);
  if (rows.length === 0) return null;
  return new Map(
    rows.filter(([, ord]) => ord !== null).map(([, ord, number]) => [(ord as number) - 1, number as number]),
  );
}

export async function accept(
  db: Database,
  endpoints: EndpointTable,
  groups: readonly (readonly NewEvent[])[],
  options: AcceptOptions,
): Promise<AcceptAnswer> {
  for (let stale: number | undefined; ;) {
    const copy = await endpoints.current(stale);
    const before = await findStored(db.hot, groups);
    const plan = planAccept(
      groups,
      (event) => before.get(keyOf(event)),
      (tenant) => copy.byTenant.get(tenant) ?? [],
      options,
    );
    if (plan.events.length === 0) return { groups: plan.answers, claimed: [], waiting: [] };
    let numbers: ReadonlyMap<number, number> | null;
    try {
      numbers = await insertPlanned(db.hot, copy.version, plan.events, options);
    } catch (error) {
      // Another node accepted one of these ids a moment ago: now its receipt is there to be found (G1).
      if (uniqueViolation(error)) continue;
      throw error;
    }
    if (numbers === null) {
      stale = copy.version;
      continue;
    }
    const claimed: FreshDelivery[] = [];
    let ord = 0;
    for (const { group, index, deliveries } of plan.events) {
      for (const { known, leaseUntil } of deliveries) {
        if (leaseUntil !== null)
          claimed.push({ number: numbers.get(ord)!, endpointId: known.endpoint.id, group, event: index });
        ord++;
      }
    }
    // Only a hint, so the publisher need not wait for it.
    if (plan.waiting.length > 0) void notifyDue(db, plan.waiting);
    return { groups: plan.answers, claimed, waiting: plan.waiting };
  }
}

/** A hint to other nodes, nothing more: whoever misses it looks by itself soon. */
export async function notifyDue(connection: Connection, endpointIds: readonly string[]): Promise<void> {
  // A notice carries less than 8,000 bytes; beyond that the nodes find out when they look.
  await connection
    .query('due_notify', "SELECT pg_notify('posthorn_due', $1)", [endpointIds.slice(0, 200).join(' ')])
    .catch(() => {});
}
