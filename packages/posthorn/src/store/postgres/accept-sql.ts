import { eventShard } from '../../domain/ids.ts';
import { eventDigest } from '../digest.ts';
import type { PlannedEvent } from '../plan.ts';
import { routingKeysText } from '../rows.ts';
import { Columns, parameter } from './columns.ts';
import type { Value } from './database.ts';
import type { KnownEndpoint } from '../endpoint-index.ts';
import { insertDeliveries } from './new-deliveries.ts';
import { asExpressions, type Transition } from './transitions.ts';
import { addWorth, amountSums, worthInsert } from './worth.ts';

// What stores planned events: the statements, and the values that they take.

export interface InsertOptions {
  readonly now: number;
  readonly node: string;
  readonly trigger?: number;
}

type PlannedDelivery = PlannedEvent<KnownEndpoint>['deliveries'][number] & { readonly index: number };

const eventColumns = new Columns<PlannedEvent<KnownEndpoint>, InsertOptions>(1, {
  shard: ['smallint', ({ event }) => event.shard],
  home: ['smallint', ({ event }) => eventShard(event.tenant, event.id)],
  tenant: ['text', ({ event }) => event.tenant],
  id: ['text', ({ event }) => event.id],
  type: ['text', ({ event }) => event.type],
  data: ['text', ({ event }) => event.data],
  ordering_key: ['text', ({ event }) => event.orderingKey],
  occurred_at: ['bigint', ({ event }) => event.occurredAt],
  amount_minor: ['bigint', ({ event }) => event.value?.amountMinor.toString() ?? null],
  currency: ['text', ({ event }) => event.value?.currency ?? null],
  deliveries: ['int', ({ count }) => count],
  suppressed: ['int', ({ suppressed }) => suppressed],
  filtered: ['int', ({ filtered }) => filtered],
  digest: ['text', ({ event }, { now }) => eventDigest(event, now)],
  routing_keys: ['text', ({ event }) => routingKeysText(event.routingKeys)],
});
/** `event`: the event's place, from 1. */
const deliveryColumns = new Columns<PlannedDelivery, InsertOptions>(eventColumns.next, {
  event: ['int', ({ index }) => index + 1],
  endpoint: ['int', ({ known }) => known.num],
  enabled: ['boolean', ({ known }) => known.endpoint.enabled],
  lease_until: ['bigint', ({ leaseUntil }) => leaseUntil],
  keyed: ['boolean', ({ known }) => known.endpoint.ordering === 'key'],
  trigger: ['smallint', (_, { trigger }) => trigger ?? 0],
});
const rest = deliveryColumns.next;
const expectedVersion = parameter(rest, 'bigint');
const acceptedAt = parameter(rest + 1, 'bigint');
const acceptingNode = parameter(rest + 2, 'text');
/** Only in a statement that names one shard, which takes numbers that were drawn before. */
const oneShardOnly = parameter(rest + 3, 'smallint');
const drawnForEvents = parameter(rest + 4, 'bigint[]');
const drawnForDeliveries = parameter(rest + 5, 'bigint[]');

/** How the statements of an accept find their rows: in common table expressions of one statement, or each by itself. */
interface Form {
  readonly ev: string;
  readonly dl: string;
  /** The shard of rows, and of their counters. */
  readonly shard: string;
  readonly home: string;
  readonly counterShard: string;
}

/** Events, the receipts that guard their ids, deliveries and counters (G4), by name. */
const parts = (
  { ev, dl, shard, home, counterShard }: Form,
  suppressed: boolean,
): Readonly<Record<string, string>> => ({
  events: `INSERT INTO posthorn.events (shard, number, tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor,
      currency, deliveries, suppressed, filtered, digest, routing_keys)
    SELECT ${shard}, number, tenant, id, type, data, ordering_key, occurred_at, ${acceptedAt}, amount_minor, currency, deliveries, suppressed,
      filtered, digest, routing_keys FROM ${ev} ev`,
  receipts: `INSERT INTO posthorn.receipts (shard, tenant, id, event_number)
    SELECT ${home}, tenant, id, number FROM ${ev} ev${home === oneShardOnly ? ` WHERE home = ${oneShardOnly}` : ''}`,
  ...insertDeliveries({
    rows: dl,
    shard,
    counterShard,
    acceptedAt,
    dueAt: acceptedAt,
    node: acceptingNode,
    step: 'accept',
  }),
  event_ledger: `INSERT INTO posthorn.event_ledger AS l (shard, tenant, hour, type, writer, events, unmatched)
    SELECT ${counterShard}, tenant, ${acceptedAt} / 3600000, type, ${acceptingNode} || ':accept', count(*), count(*) FILTER (WHERE deliveries = 0)
    FROM ${ev} ev GROUP BY tenant, type
    ON CONFLICT (shard, tenant, hour, type, writer)
      DO UPDATE SET events = l.events + excluded.events, unmatched = l.unmatched + excluded.unmatched`,
  ...(suppressed
    ? {
        worth: `${worthInsert('suppressed')}
    SELECT ${counterShard}, dl.endpoint, ${acceptedAt} / 3600000, coalesce(e.currency, ''), ${acceptingNode} || ':accept', ${amountSums}
    FROM ${dl} dl JOIN ${ev} e ON e.ord = dl.event WHERE NOT dl.enabled GROUP BY 2, 4
    ${addWorth('suppressed')}`,
      }
    : {}),
});

/** Events with their numbers. */
const eventRows = (
  number: string,
  guard = '',
): string => `SELECT u.*, ${number} * 64 + u.shard AS number FROM ${guard}(
      SELECT * FROM ${eventColumns.rows} WITH ORDINALITY AS a (${eventColumns.names}, ord) ORDER BY ord) u`;

const deliveryRows = (
  number: string,
  ev: string,
): string => `SELECT j.*, ${number} * 64 + j.shard AS number FROM (
      SELECT d.*, ev.shard, ev.type, ev.number AS event_number, CASE WHEN d.keyed THEN ev.ordering_key END AS order_key
      FROM ${deliveryColumns.rows} WITH ORDINALITY AS d (${deliveryColumns.names}, ord)
      JOIN ${ev} ev ON ev.ord = d.event ORDER BY d.ord) j`;

/**
 * One statement is the whole transaction (G4). It stores nothing where the endpoints have changed since the plan was made. Numbers
 * come from sequences in the order of the events, so that a later event of an ordering key has the higher number.
 */
function spanning(suppressed: boolean): string {
  const form = { ev: 'ev', dl: 'dl', shard: 'shard', home: 'home', counterShard: '0' };
  return `WITH
  guard AS MATERIALIZED (SELECT true AS ok FROM posthorn.config WHERE version = ${expectedVersion}),
  ev AS MATERIALIZED (${eventRows("nextval('posthorn.event_numbers')", 'guard, ')}),
  dl AS MATERIALIZED (${deliveryRows("nextval('posthorn.delivery_numbers')", 'ev')}),
  ${asExpressions(parts(form, suppressed))}
SELECT g.ok, dl.ord, dl.number FROM guard g LEFT JOIN dl ON dl.lease_until IS NOT NULL ORDER BY dl.ord`;
}

/** The same for one shard; numbers were drawn before, and whether the endpoints have changed was asked before. */
function single(suppressed: boolean): Transition {
  const ev = `(${eventRows(`(${drawnForEvents})[u.ord]`)})`;
  const form = {
    ev,
    dl: `(${deliveryRows(`(${drawnForDeliveries})[j.ord]`, ev)})`,
    shard: oneShardOnly,
    home: oneShardOnly,
    counterShard: oneShardOnly,
  };
  return {
    name: suppressed ? 'accept_suppressed' : 'accept',
    parameters: [
      ...eventColumns.types,
      ...deliveryColumns.types,
      'bigint',
      'bigint',
      'text',
      'smallint',
      'bigint[]',
      'bigint[]',
    ],
    shardAt: rest + 3,
    returns: 'void',
    statements: Object.values(parts(form, suppressed)),
  };
}

/** What is worth something from the start is counted in a text of its own: other events do not pay for it. */
export const spanningTexts = { accept: spanning(false), accept_suppressed: spanning(true) };
/**
 * Receipts whose home is another shard than their event's. As a statement, Citus would copy the rows into the shard, and report a
 * receipt that is there already without saying by its code what it is.
 */
const receipts: Transition = {
  name: 'accept_receipts',
  parameters: ['smallint', 'text[]', 'text[]', 'bigint[]'],
  shardAt: 1,
  returns: 'void',
  statements: [
    `INSERT INTO posthorn.receipts (shard, tenant, id, event_number)
    SELECT $1::smallint, u.* FROM unnest($2, $3, $4) AS u`,
  ],
};
export const acceptTransitions = {
  accept_one: single(false),
  accept_suppressed_one: single(true),
  accept_receipts_one: receipts,
};

export const hasSuppressed = (events: readonly PlannedEvent<KnownEndpoint>[]): boolean =>
  events.some(({ deliveries }) => deliveries.some(({ known }) => !known.endpoint.enabled));

export function valuesOf(
  version: number,
  events: readonly PlannedEvent<KnownEndpoint>[],
  options: InsertOptions,
): Value[] {
  const deliveries = events.flatMap(({ deliveries: list }, index) =>
    list.map((delivery): PlannedDelivery => ({ ...delivery, index })),
  );
  return [
    ...eventColumns.values(events, options),
    ...deliveryColumns.values(deliveries, options),
    version,
    options.now,
    options.node,
  ];
}
