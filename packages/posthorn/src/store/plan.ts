import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent, Receipt } from '../domain/event.ts';
import { eventDigest } from './digest.ts';
import { bitsText, hasBit, setBit } from './fan-out.ts';
import { type Match, matcherOf, wantedBy } from './matching.ts';
import type { AcceptOptions, GroupAnswer } from './store.ts';

// What every adapter decides in the same way before it writes: which events are new, who gets them, and which
// of their deliveries are created already claimed.

/** Deliveries in the transaction of an accept: about 30 ms of SQLite's one writer. */
export const defaultMaxDirect = 4000;

/** An event that is stored under the id of one that comes in. */
export interface StoredEvent {
  readonly type: string;
  readonly data: string;
  readonly orderingKey: string | null;
  readonly routingKeys: readonly string[];
  readonly occurredAt: number | null;
  readonly amountMinor: bigint | null;
  readonly currency: string | null;
  readonly digest: string | null;
  /** Null: its data are there. */
  readonly dataDeletedAt: number | null;
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
  /** Created with the event; none where they are created in steps. */
  readonly deliveries: readonly PlannedDelivery<Known>[];
  /** How many deliveries it gets in all. */
  readonly count: number;
  readonly suppressed: number;
  readonly filtered: number;
}

/** Events of one tenant in one group, whose deliveries are created in steps. */
export interface PlannedFanOut<Known> {
  readonly tenant: string;
  readonly targets: readonly Known[];
  /** In the order of the group; `wanted` as in `FanOutEvent`. */
  readonly events: readonly { readonly planned: PlannedEvent<Known>; readonly wanted: string | null }[];
}

export interface AcceptPlan<Known> {
  readonly answers: readonly GroupAnswer[];
  readonly events: readonly PlannedEvent<Known>[];
  readonly fanOuts: readonly PlannedFanOut<Known>[];
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

const sameKeys = (a: Pick<NewEvent, 'routingKeys'>, b: Pick<NewEvent, 'routingKeys'>): boolean =>
  a.routingKeys.join() === b.routingKeys.join();

/** A publisher that leaves out when an event happened does not contradict who knew it: an import, or its own first try. */
function sameBody(stored: StoredEvent, published: NewEvent): boolean {
  const event = { ...published, occurredAt: published.occurredAt ?? stored.occurredAt };
  // The digest says what was published, also where the row was changed on disk since: no conflict then (G1).
  if (stored.digest !== null && eventDigest(event, stored.receipt.acceptedAt) === stored.digest) return true;
  return (
    stored.type === event.type &&
    // Deleted data and their digest are gone: the rest of the event decides.
    (stored.dataDeletedAt !== null || stored.data === event.data) &&
    stored.orderingKey === event.orderingKey &&
    sameKeys(stored, event) &&
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
    sameKeys(a, b) &&
    a.occurredAt === b.occurredAt &&
    a.value?.amountMinor === b.value?.amountMinor &&
    a.value?.currency === b.value?.currency
  );
}

/** What planning needs to know of the store. */
export interface AcceptSource<Known> {
  /** What an id of the caller's was used for before. */
  readonly stored: (event: NewEvent) => StoredEvent | undefined;
  readonly subscribers: (tenant: string, type: string) => readonly Known[];
  /** Tenants with fan-outs that are not complete. */
  readonly fanningOut: ReadonlySet<string>;
}

/**
 * Decides about groups of events, each of which is all or none (G1). Within one plan the first of twins is the event.
 */
export function planAccept<Known extends { readonly num: number; readonly endpoint: Endpoint }>(
  groups: readonly (readonly NewEvent[])[],
  source: AcceptSource<Known>,
  options: AcceptOptions,
): AcceptPlan<Known> {
  const answers: GroupAnswer[] = [];
  const planned = new Map<string, { readonly event: NewEvent; readonly receipt: Receipt }>();
  const placing = new Placing(source, options);
  for (const [groupIndex, group] of groups.entries()) {
    const known = knownBefore(group, planned, source.stored);
    const conflict = known.indexOf('conflict');
    if (conflict >= 0) {
      answers.push({ conflict });
      continue;
    }
    placing.begin(
      groupIndex,
      group.filter((_, index) => known[index] === null),
    );
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
        const receipt = placing.place(event, index);
        if (event.callerId) planned.set(keyOf(event), { event, receipt });
        return receipt;
      }),
    });
  }
  return { answers, events: placing.events, fanOuts: placing.fanOuts, waiting: [...placing.waiting] };
}

/** For each event of a group: null where it is new, or what is known under its id. */
function knownBefore(
  group: readonly NewEvent[],
  planned: ReadonlyMap<string, { readonly event: NewEvent }>,
  stored: (event: NewEvent) => StoredEvent | undefined,
): (null | 'twin' | 'conflict' | Receipt)[] {
  const inGroup = new Map<string, NewEvent>();
  return group.map((event) => {
    if (!event.callerId) return null;
    const key = keyOf(event);
    const twin = planned.get(key)?.event ?? inGroup.get(key);
    if (twin !== undefined) return sameEvent(twin, event) ? 'twin' : 'conflict';
    inGroup.set(key, event);
    const before = stored(event);
    if (before === undefined) return null;
    return sameBody(before, event) ? before.receipt : 'conflict';
  });
}

/** Gives new events their deliveries: in the transaction that accepts them, or in steps after it. */
class Placing<Known extends { readonly num: number; readonly endpoint: Endpoint }> {
  readonly events: PlannedEvent<Known>[] = [];
  readonly fanOuts: PlannedFanOut<Known>[] = [];
  readonly waiting = new Set<string>();
  readonly #options: AcceptOptions;
  readonly #match: (event: NewEvent) => Match<Known>;
  readonly #roomLeft: Map<string, number>;
  readonly #fanningOut: Set<string>;
  #directLeft: number;
  #group = 0;
  #inSteps = false;
  /** By tenant: the fan-out that this group began. */
  #begun = new Map<string, FanOutBuilder<Known>>();
  #matches = new Map<NewEvent, Match<Known>>();

  constructor(source: AcceptSource<Known>, options: AcceptOptions) {
    this.#options = options;
    this.#match = matcherOf(source.subscribers);
    this.#roomLeft = new Map(options.room);
    this.#fanningOut = new Set(source.fanningOut);
    this.#directLeft = options.maxDirect ?? defaultMaxDirect;
  }

  /** A group's new events: all of them are created directly, or all in steps. */
  begin(group: number, fresh: readonly NewEvent[]): void {
    this.#group = group;
    this.#begun = new Map();
    this.#matches = new Map(fresh.map((event) => [event, this.#match(event)]));
    let total = 0;
    let behind = false;
    for (const [event, { count, subscribers }] of this.#matches) {
      total += count;
      // Its deliveries go behind those of its key that are still being created (the order of keys).
      behind ||= event.orderingKey !== null && subscribers.anyKeyed && this.#fanningOut.has(event.tenant);
    }
    this.#inSteps = behind || total > this.#directLeft;
    if (!this.#inSteps) this.#directLeft -= total;
  }

  place(event: NewEvent, index: number): Receipt {
    const match = this.#matches.get(event)!;
    const { count, suppressed, filtered } = match;
    const inSteps = this.#inSteps && count > 0;
    const deliveries = inSteps ? [] : this.#deliver(event, match);
    const planned = { event, group: this.#group, index, deliveries, count, suppressed, filtered };
    this.events.push(planned);
    if (inSteps) this.#stepLater(planned, match);
    return newReceipt(event, this.#options.now, count, suppressed);
  }

  #deliver(event: NewEvent, match: Match<Known>): PlannedDelivery<Known>[] {
    const { now, defaultRoom, leaseMs } = this.#options;
    const deliveries: PlannedDelivery<Known>[] = [];
    for (const known of wantedBy(match)) {
      const { id, enabled, ordering, timeoutMs } = known.endpoint;
      const room = this.#roomLeft.get(id) ?? defaultRoom;
      // A keyed delivery may have others before it, so it always goes by way of a claim.
      const claimed = enabled && room > 0 && (ordering === 'none' || event.orderingKey === null);
      if (claimed) this.#roomLeft.set(id, room - 1);
      else if (enabled) this.waiting.add(id);
      deliveries.push({ known, leaseUntil: claimed ? now + timeoutMs + leaseMs : null });
    }
    return deliveries;
  }

  #stepLater(planned: PlannedEvent<Known>, match: Match<Known>): void {
    const { tenant } = planned.event;
    let fanOut = this.#begun.get(tenant);
    if (fanOut === undefined) {
      this.#begun.set(tenant, (fanOut = new FanOutBuilder(tenant)));
      this.fanOuts.push(fanOut);
      this.#fanningOut.add(tenant);
    }
    fanOut.add(planned, match);
  }
}

/** Collects the events of one tenant in one group, and the endpoints that get any of them. */
class FanOutBuilder<Known extends { readonly num: number }> implements PlannedFanOut<Known> {
  readonly tenant: string;
  readonly targets: Known[] = [];
  readonly #events: { readonly planned: PlannedEvent<Known>; readonly match: Match<Known> }[] = [];
  readonly #places = new Map<Known, number>();
  readonly #placesOf = new Map<readonly Known[], Uint32Array>();

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  add(planned: PlannedEvent<Known>, match: Match<Known>): void {
    const { all } = match.subscribers;
    if (!this.#placesOf.has(all))
      this.#placesOf.set(
        all,
        Uint32Array.from(all, (known) => this.#placeOf(known)),
      );
    this.#events.push({ planned, match });
  }

  #placeOf(known: Known): number {
    let place = this.#places.get(known);
    if (place === undefined) {
      place = this.targets.push(known) - 1;
      this.#places.set(known, place);
    }
    return place;
  }

  get events(): { planned: PlannedEvent<Known>; wanted: string | null }[] {
    const whole = new Map<readonly Known[], string>();
    return this.#events.map(({ planned, match }) => {
      if (match.count === this.targets.length) return { planned, wanted: null };
      const { all } = match.subscribers;
      // Without filters every event of a type is wanted by the same ones.
      let wanted = match.passes === null ? whole.get(all) : undefined;
      wanted ??= this.#bitsOf(match);
      if (match.passes === null) whole.set(all, wanted);
      return { planned, wanted };
    });
  }

  #bitsOf({ subscribers: { all }, passes }: Match<Known>): string {
    const bits = new Uint8Array(Math.ceil(this.targets.length / 8));
    const places = this.#placesOf.get(all)!;
    for (let at = 0; at < all.length; at++)
      if (passes === null || hasBit(passes, at)) setBit(bits, places[at]!);
    return bitsText(bits);
  }
}
