import { type Endpoint, passesFilter, subscribes } from '../domain/endpoint.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import { eventDigest } from './digest.ts';
import type { AcceptOptions, GroupAnswer, Replayed } from './store.ts';

// What every adapter decides in the same way before it writes: which events are new, who gets them, and which
// of their deliveries are created already claimed.

/** An event that is stored under the id of one that comes in. */
export interface StoredEvent {
  readonly type: string;
  readonly data: string;
  readonly orderingKey: string | null;
  readonly occurredAt: number | null;
  readonly amountMinor: bigint | null;
  readonly currency: string | null;
  readonly digest: string | null;
  readonly receipt: Receipt;
}

export interface PlannedDelivery<Known> {
  readonly known: Known;
  /** Until when it is claimed from its creation; null where it waits in the store, or is suppressed. */
  readonly leaseUntil: number | null;
}

export interface PlannedEvent<Known> {
  readonly event: NewEvent;
  readonly group: number;
  readonly index: number;
  readonly deliveries: readonly PlannedDelivery<Known>[];
  readonly suppressed: number;
  readonly filtered: number;
}

export interface AcceptPlan<Known> {
  readonly answers: readonly GroupAnswer[];
  readonly events: readonly PlannedEvent<Known>[];
  /** Endpoints with deliveries that wait in the store. */
  readonly waiting: readonly string[];
}

/** One text for a tenant and an id. */
export function keyOf({ tenant, id }: { readonly tenant: string; readonly id: string }): string {
  return `${tenant}\u0000${id}`;
}

/** The receipt of an event that was stored just now. */
export function newReceipt(
  { id, tenant, type }: Pick<Receipt, 'id' | 'tenant' | 'type'>,
  acceptedAt: number,
  deliveries: number,
  suppressed: number,
): Receipt {
  return { id, tenant, type, acceptedAt, deliveries, suppressed, duplicate: false };
}

function sameBody(stored: StoredEvent, event: NewEvent): boolean {
  // The digest says what was published, also where the row was changed on disk since: no conflict then (G1).
  if (stored.digest !== null && eventDigest(event, stored.receipt.acceptedAt) === stored.digest) return true;
  return (
    stored.type === event.type &&
    stored.data === event.data &&
    stored.orderingKey === event.orderingKey &&
    stored.occurredAt === event.occurredAt &&
    stored.amountMinor === (event.value?.amountMinor ?? null) &&
    stored.currency === (event.value?.currency ?? null)
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

/** Who gets this event: subscribed endpoints that pass their filter, and how many filters refused it. */
function match<Known extends { readonly endpoint: Endpoint }>(
  candidates: Iterable<Known>,
  event: Pick<NewEvent, 'type' | 'data'>,
): { wanted: Known[]; filtered: number } {
  const wanted: Known[] = [];
  let filtered = 0;
  let data: unknown;
  for (const known of candidates) {
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

export interface ReplayPlan<Known> extends Pick<Replayed, 'filtered' | 'overridden'> {
  readonly wanted: readonly Known[];
}

/**
 * Who gets a past event again: those who would receive it if it were accepted now, or the one endpoint that the operator
 * named. Naming one is a decision about that endpoint, so neither its subscription nor its filter is asked; the answer says
 * which of them would have excluded the event. Null: this tenant has no such endpoint.
 */
export function planReplay<Known extends { readonly endpoint: Endpoint }>(
  candidates: Iterable<Known>,
  event: Pick<NewEvent, 'type' | 'data'>,
  endpointId: string | null,
): ReplayPlan<Known> | null {
  if (endpointId === null) return { ...match(candidates, event), overridden: [] };
  for (const known of candidates) {
    const { id, eventTypes, filter } = known.endpoint;
    if (id !== endpointId) continue;
    const overridden: Replayed['overridden'][number][] = [];
    if (!subscribes(eventTypes, event.type)) overridden.push('subscription');
    if (filter !== null && !passesFilter(filter, JSON.parse(event.data))) overridden.push('filter');
    return { wanted: [known], filtered: 0, overridden };
  }
  return null;
}

/**
 * Decides about groups of events, each of which is all or none (G1). `stored` finds what a caller's id was
 * used for before; within one plan the first of twins is the event.
 */
export function planAccept<Known extends { readonly endpoint: Endpoint }>(
  groups: readonly (readonly NewEvent[])[],
  stored: (event: NewEvent) => StoredEvent | undefined,
  ofTenant: (tenant: string) => Iterable<Known>,
  options: AcceptOptions,
): AcceptPlan<Known> {
  const { now } = options;
  const answers: GroupAnswer[] = [];
  const events: PlannedEvent<Known>[] = [];
  const waiting = new Set<string>();
  const roomLeft = new Map(options.room);
  const planned = new Map<string, { readonly event: NewEvent; readonly receipt: Receipt }>();

  const place = (event: NewEvent, group: number, index: number): Receipt => {
    const { wanted, filtered } = match(ofTenant(event.tenant), event);
    const deliveries = wanted.map((known): PlannedDelivery<Known> => {
      const { id, enabled, ordering, timeoutMs } = known.endpoint;
      const room = roomLeft.get(id) ?? options.defaultRoom;
      // A keyed delivery may have others before it, so it always goes by way of a claim.
      if (enabled && room > 0 && (ordering === 'none' || event.orderingKey === null)) {
        roomLeft.set(id, room - 1);
        return { known, leaseUntil: now + timeoutMs + options.leaseMs };
      }
      if (enabled) waiting.add(id);
      return { known, leaseUntil: null };
    });
    const suppressed = wanted.reduce((count, { endpoint }) => count + Number(!endpoint.enabled), 0);
    events.push({ event, group, index, deliveries, suppressed, filtered });
    return newReceipt(event, now, wanted.length, suppressed);
  };

  for (const [groupIndex, group] of groups.entries()) {
    const inGroup = new Map<string, NewEvent>();
    const known = group.map((event) => {
      if (!event.callerId) return null;
      const key = keyOf(event);
      const twin = planned.get(key)?.event ?? inGroup.get(key);
      if (twin !== undefined) return sameEvent(twin, event) ? 'twin' : 'conflict';
      inGroup.set(key, event);
      const before = stored(event);
      if (before === undefined) return null;
      return sameBody(before, event) ? before.receipt : 'conflict';
    });
    const conflict = known.indexOf('conflict');
    if (conflict >= 0) {
      answers.push({ conflict });
      continue;
    }
    const mine = new Map<string, Receipt>();
    answers.push({
      receipts: group.map((event, index) => {
        const found = known[index];
        if (found !== null && typeof found === 'object' && found !== undefined) {
          mine.set(keyOf(event), found);
          return found;
        }
        if (found === 'twin') {
          const receipt = planned.get(keyOf(event))?.receipt ?? mine.get(keyOf(event))!;
          return { ...receipt, duplicate: true };
        }
        const receipt = place(event, groupIndex, index);
        if (event.callerId) planned.set(keyOf(event), { event, receipt });
        return receipt;
      }),
    });
  }
  return { answers, events, waiting: [...waiting] };
}
