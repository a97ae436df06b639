import type { NewEvent } from '../../domain/event.ts';
import { deliveryNumber, eventShard } from '../../domain/ids.ts';
import { eventDigest } from '../digest.ts';
import type { FanOutTarget } from '../fan-out.ts';
import { planAccept } from '../plan.ts';
import { routingKeysText, stateNumbers, storedOf } from '../rows.ts';
import type { AcceptAnswer, AcceptOptions, FreshDelivery } from '../store.ts';
import { insertFanOut, tenantsFanningOut } from './fan-out-plan.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

const insertEvent = `INSERT INTO events (number, tenant, id, type, data, ordering_key, occurred_at, accepted_at,
  amount_minor, currency, deliveries, suppressed, filtered, digest, routing_keys) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const insertDelivery = `INSERT INTO deliveries (number, event_number, endpoint, state, due_at, claim, claimed_by, created_at,
  settled_at, reason, order_key, trigger) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const stored = `tenant, id, type, data, ordering_key, occurred_at, accepted_at, CAST(amount_minor AS TEXT), currency,
  deliveries, suppressed, number, digest, routing_keys, data_deleted_at`;

/** The stored event of this tenant and id, wherever its ordering key has put it. */
export function findEvent(db: Database, tenant: string, id: string): Row | undefined {
  const home = eventShard(tenant, id);
  return (
    db.get(`SELECT ${stored} FROM events WHERE shard = ? AND tenant = ? AND id = ?`, home, tenant, id) ??
    db.get(
      `SELECT ${stored} FROM events WHERE number =
         (SELECT event_number FROM receipts WHERE shard = ? AND tenant = ? AND id = ?)`,
      home,
      tenant,
      id,
    )
  );
}

/** The same columns of the event with this number. */
export function findEventByNumber(db: Database, number: number): Row | undefined {
  return db.get(`SELECT ${stored} FROM events WHERE number = ?`, number);
}

export interface Placement {
  readonly sequences: Sequences;
  readonly ledger: LedgerChanges;
  readonly now: number;
  /** When deliveries that are not claimed are due: by default now. */
  readonly dueAt?: number;
}

/** One delivery row: pending and due now, claimed from the start, or suppressed with its reason (G5). */
export function insertOneDelivery(
  db: Database,
  placement: Placement,
  event: {
    readonly number: number;
    readonly shard: number;
    readonly type: string;
    readonly orderingKey: string | null;
  },
  known: FanOutTarget,
  claim: { readonly node: string; readonly leaseUntil: number } | null,
  trigger = 0,
): number {
  const { now, ledger } = placement;
  const number = deliveryNumber(placement.sequences.nextDelivery(), event.shard);
  const counted = { endpoint: known.num, type: event.type, acceptedAt: now };
  const { enabled, ordering } = known.endpoint;
  const orderKey = ordering === 'key' ? event.orderingKey : null;
  if (enabled) {
    db.run(
      insertDelivery,
      number,
      event.number,
      known.num,
      stateNumbers.pending,
      claim?.leaseUntil ?? placement.dueAt ?? now,
      claim === null ? 0 : 1,
      claim?.node ?? null,
      now,
      null,
      null,
      orderKey,
      trigger,
    );
  } else {
    db.run(
      insertDelivery,
      number,
      event.number,
      known.num,
      stateNumbers.suppressed,
      null,
      0,
      null,
      now,
      now,
      'endpoint_paused',
      orderKey,
      trigger,
    );
    ledger.add(counted, 'suppressed');
    ledger.addWorth(db, number, counted, 'suppressed');
  }
  ledger.add(counted, 'accepted');
  return number;
}

export interface EventInsert {
  readonly number: number;
  readonly deliveries: number;
  readonly suppressed: number;
  readonly filtered: number;
}

export function insertOneEvent(
  db: Database,
  placement: Placement,
  event: NewEvent,
  counts: Omit<EventInsert, 'number'>,
): number {
  const number = deliveryNumber(placement.sequences.nextEvent(), event.shard);
  db.run(
    insertEvent,
    number,
    event.tenant,
    event.id,
    event.type,
    event.data,
    event.orderingKey,
    event.occurredAt,
    placement.now,
    event.value?.amountMinor ?? null,
    event.value?.currency ?? null,
    counts.deliveries,
    counts.suppressed,
    counts.filtered,
    eventDigest(event, placement.now),
    routingKeysText(event.routingKeys),
  );
  const home = event.callerId ? eventShard(event.tenant, event.id) : event.shard;
  if (home !== event.shard) {
    db.run(
      'INSERT INTO receipts (shard, tenant, id, event_number) VALUES (?, ?, ?, ?)',
      home,
      event.tenant,
      event.id,
      number,
    );
  }
  placement.ledger.addEvent(event.tenant, event.type, placement.now, counts.deliveries > 0);
  return number;
}

export function accept(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  groups: readonly (readonly NewEvent[])[],
  options: AcceptOptions,
): AcceptAnswer {
  const { now, node } = options;
  const claimed: FreshDelivery[] = [];
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  const { answers, waiting, fanOuts } = db.transaction(() => {
    const plan = planAccept(
      groups,
      {
        stored: ({ tenant, id }) => {
          const row = findEvent(db, tenant, id);
          return row === undefined ? undefined : storedOf(row);
        },
        subscribers: (tenant, type) => endpoints.index.subscribers(tenant, type),
        fanningOut: tenantsFanningOut(db, groups),
      },
      options,
    );
    const numbers = new Map<NewEvent, number>();
    for (const { event, group, index, deliveries, count, suppressed, filtered } of plan.events) {
      const { shard, type, orderingKey } = event;
      const number = insertOneEvent(db, placement, event, {
        deliveries: count,
        suppressed,
        filtered,
      });
      if (deliveries.length < count) numbers.set(event, number);
      for (const { known, leaseUntil } of deliveries) {
        const claim = leaseUntil === null ? null : { node, leaseUntil };
        const delivery = insertOneDelivery(db, placement, { number, shard, type, orderingKey }, known, claim);
        if (leaseUntil !== null)
          claimed.push({ number: delivery, endpointId: known.endpoint.id, leaseUntil, group, event: index });
      }
    }
    for (const fanOut of plan.fanOuts) insertFanOut(db, fanOut, numbers, now);
    ledger.write(db);
    return plan;
  });
  return { groups: answers, claimed, waiting, fanOuts: fanOuts.length };
}
