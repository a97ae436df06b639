import { passesFilter, subscribes } from '../../domain/endpoint.ts';
import type { NewEvent, Receipt } from '../../domain/event.ts';
import { deliveryNumber, eventShard } from '../../domain/ids.ts';
import type { AcceptAnswer, AcceptOptions, FreshDelivery, GroupAnswer } from '../store.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable, KnownEndpoint } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import { stateNumbers } from './schema.ts';
import type { Sequences } from './sequences.ts';

const insertEvent = `INSERT INTO events (number, tenant, id, type, data, ordering_key, occurred_at, accepted_at,
  amount_minor, currency, deliveries, suppressed, filtered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const insertDelivery = `INSERT INTO deliveries (number, event_number, endpoint, state, due_at, claim, claimed_by, created_at,
  settled_at, reason, order_key, trigger) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const stored = `tenant, id, type, data, ordering_key, occurred_at, accepted_at, CAST(amount_minor AS TEXT), currency,
  deliveries, suppressed, number`;

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

function sameBody(row: Row, event: NewEvent): boolean {
  return (
    row[2] === event.type &&
    row[3] === event.data &&
    row[4] === event.orderingKey &&
    row[5] === event.occurredAt &&
    row[7] === (event.value === null ? null : String(event.value.amountMinor)) &&
    row[8] === (event.value?.currency ?? null)
  );
}

function sameEvent(a: NewEvent, b: NewEvent): boolean {
  return (
    a.type === b.type &&
    a.data === b.data &&
    a.orderingKey === b.orderingKey &&
    a.occurredAt === b.occurredAt &&
    a.value?.amountMinor === b.value?.amountMinor &&
    a.value?.currency === b.value?.currency
  );
}

function receiptOf(row: Row): Receipt {
  return {
    id: row[1] as string,
    tenant: row[0] as string,
    type: row[2] as string,
    acceptedAt: row[6] as number,
    deliveries: row[9] as number,
    suppressed: row[10] as number,
    duplicate: true,
  };
}

/** What of a group is already there; a number is the index of the event that conflicts. */
function resolve(db: Database, group: readonly NewEvent[]): (Receipt | NewEvent | null)[] | number {
  const found: (Receipt | NewEvent | null)[] = [];
  const inGroup = new Map<string, NewEvent>();
  for (const [index, event] of group.entries()) {
    if (!event.callerId) {
      found.push(null);
      continue;
    }
    const key = `${event.tenant}\u0000${event.id}`;
    const twin = inGroup.get(key);
    const row = twin === undefined ? findEvent(db, event.tenant, event.id) : undefined;
    if (twin !== undefined ? !sameEvent(twin, event) : row !== undefined && !sameBody(row, event))
      return index;
    found.push(row === undefined ? (twin ?? null) : receiptOf(row));
    if (twin === undefined) inGroup.set(key, event);
  }
  return found;
}

/** Who gets this event now: subscribed endpoints that pass their filter, and how many filters refused it. */
function match(endpoints: EndpointTable, event: NewEvent): { wanted: KnownEndpoint[]; filtered: number } {
  const wanted: KnownEndpoint[] = [];
  let filtered = 0;
  let data: unknown;
  for (const known of endpoints.ofTenant(event.tenant)) {
    if (!subscribes(known.endpoint.eventTypes, event.type)) continue;
    if (known.endpoint.filter !== null) {
      data ??= JSON.parse(event.data);
      if (!passesFilter(known.endpoint.filter, data)) {
        filtered++;
        continue;
      }
    }
    wanted.push(known);
  }
  return { wanted, filtered };
}

export interface Placement {
  readonly sequences: Sequences;
  readonly ledger: LedgerChanges;
  readonly now: number;
}

/** One delivery row: pending and due now, claimed from the start, or suppressed with its reason (G5). */
export function insertOneDelivery(
  db: Database,
  placement: Placement,
  event: { readonly number: number; readonly shard: number; readonly orderingKey: string | null },
  known: KnownEndpoint,
  claim: { readonly node: string; readonly leaseUntil: number } | null,
  trigger = 0,
): number {
  const { now, ledger } = placement;
  const number = deliveryNumber(placement.sequences.nextDelivery(), event.shard);
  const { enabled, ordering } = known.endpoint;
  const orderKey = ordering === 'key' ? event.orderingKey : null;
  if (enabled) {
    db.run(
      insertDelivery,
      number,
      event.number,
      known.num,
      stateNumbers.pending,
      claim?.leaseUntil ?? now,
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
    ledger.add(known.num, now, 'suppressed');
  }
  ledger.add(known.num, now, 'accepted');
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
  placement.ledger.addEvent(event.tenant, placement.now, counts.deliveries > 0);
  return number;
}

export function accept(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  groups: readonly (readonly NewEvent[])[],
  options: AcceptOptions,
): AcceptAnswer {
  const { now } = options;
  const answers: GroupAnswer[] = [];
  const claimed: FreshDelivery[] = [];
  const waiting = new Set<string>();
  const roomLeft = new Map(options.room);
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };

  const place = (event: NewEvent, group: number, index: number): Receipt => {
    const { wanted, filtered } = match(endpoints, event);
    const suppressed = wanted.reduce((count, { endpoint }) => count + Number(!endpoint.enabled), 0);
    const number = insertOneEvent(db, placement, event, { deliveries: wanted.length, suppressed, filtered });
    for (const known of wanted) {
      const { id, enabled, ordering, timeoutMs } = known.endpoint;
      const room = roomLeft.get(id) ?? options.defaultRoom;
      // A keyed delivery may have others before it, so it always goes by way of a claim.
      const atOnce = enabled && room > 0 && (ordering === 'none' || event.orderingKey === null);
      const claim = atOnce ? { node: options.node, leaseUntil: now + timeoutMs + options.leaseMs } : null;
      const delivery = insertOneDelivery(
        db,
        placement,
        { number, shard: event.shard, orderingKey: event.orderingKey },
        known,
        claim,
      );
      if (atOnce) {
        roomLeft.set(id, room - 1);
        claimed.push({ number: delivery, endpointId: id, group, event: index });
      } else if (enabled) waiting.add(id);
    }
    return {
      id: event.id,
      tenant: event.tenant,
      type: event.type,
      acceptedAt: now,
      deliveries: wanted.length,
      suppressed,
      duplicate: false,
    };
  };

  db.transaction(() => {
    for (const [groupIndex, group] of groups.entries()) {
      const found = resolve(db, group);
      if (typeof found === 'number') {
        answers.push({ conflict: found });
        continue;
      }
      const receipts: Receipt[] = [];
      for (const [index, event] of group.entries()) {
        const there = found[index];
        if (there === null || there === undefined) receipts.push(place(event, groupIndex, index));
        else if ('duplicate' in there) receipts.push(there);
        else receipts.push({ ...receipts[group.indexOf(there)]!, duplicate: true });
      }
      answers.push({ receipts });
    }
    ledger.write(db);
  });
  return { groups: answers, claimed, waiting: [...waiting] };
}
