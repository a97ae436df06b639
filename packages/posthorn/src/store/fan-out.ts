import type { Endpoint } from '../domain/endpoint.ts';
import type { FannedEvent, FanOutRequest } from './store.ts';

// A request with many deliveries is accepted in one transaction that stores its events and who gets them; the deliveries
// themselves are created in steps, each a transaction of its own, so that no publisher waits for another's fan-out. What is
// left to do is in rows, so that a crash cannot lose it. This file decides what both adapters write.

/** What a delivery takes from its endpoint, as it was when the event was accepted. */
export interface FanOutTarget {
  readonly num: number;
  readonly endpoint: Pick<Endpoint, 'enabled' | 'ordering'>;
}

/** An event whose deliveries are not all created yet. */
export interface FanOutEvent {
  /** Its place among the events of its fan-out. */
  readonly place: number;
  readonly number: number;
  readonly type: string;
  readonly orderingKey: string | null;
  /** Which targets get it, as bits in base64; null: all of them. */
  readonly wanted: string | null;
  /** The first target that is not done. */
  readonly cursor: number;
  readonly remaining: number;
}

/** What one step creates. */
export interface FanOutBlock {
  /** In the order in which they get their numbers. */
  readonly deliveries: readonly { readonly event: FanOutEvent; readonly target: FanOutTarget }[];
  /** The events that the step goes on with, and how many deliveries each of them gets. */
  readonly events: readonly { readonly place: number; readonly made: number }[];
  readonly cursor: number;
  /** The targets end here: these events have all their deliveries. */
  readonly done: boolean;
}

/**
 * Events that go through the targets together. A step changes counters by endpoint, so that it is to have few endpoints and
 * many events of each: with one event a time, a step took two to four times as long.
 */
export const fanOutBlockEvents = 32;

/** Targets as one text: numbers, and the places of those that are paused, and of those that keep the order of keys. */
export function targetsText(targets: readonly FanOutTarget[]): string {
  const places = (is: (target: FanOutTarget) => boolean): number[] =>
    targets.flatMap((target, place) => (is(target) ? [place] : []));
  return JSON.stringify({
    nums: targets.map(({ num }) => num),
    paused: places(({ endpoint }) => !endpoint.enabled),
    keyed: places(({ endpoint }) => endpoint.ordering === 'key'),
  });
}

export function targetsFrom(text: string): FanOutTarget[] {
  const { nums, paused, keyed } = JSON.parse(text) as Record<'nums' | 'paused' | 'keyed', number[]>;
  const isPaused = new Set(paused);
  const isKeyed = new Set(keyed);
  return nums.map((num, place) => ({
    num,
    endpoint: { enabled: !isPaused.has(place), ordering: isKeyed.has(place) ? 'key' : 'none' },
  }));
}

export function setBit(bits: Uint8Array, place: number): void {
  bits[place >> 3]! |= 1 << (place & 7);
}

export function hasBit(bits: Uint8Array, place: number): boolean {
  return (bits[place >> 3]! & (1 << (place & 7))) !== 0;
}

export function bitsText(bits: Uint8Array): string {
  return Buffer.from(bits).toString('base64');
}

/**
 * The next deliveries of a fan-out, about `limit` of them: target by target, and of each target the events in their order,
 * so that an earlier event of an ordering key has the lower number. `events` are the first that are left, in order of place.
 */
export function nextBlock(
  targets: readonly FanOutTarget[],
  events: readonly FanOutEvent[],
  limit: number,
): FanOutBlock {
  const from = events[0]!.cursor;
  const end = events.findIndex(({ cursor }) => cursor !== from);
  const block = (end < 0 ? events : events.slice(0, end)).map((event) => ({
    event,
    bits: event.wanted === null ? null : Buffer.from(event.wanted, 'base64'),
    made: 0,
  }));
  const deliveries: { event: FanOutEvent; target: FanOutTarget }[] = [];
  let cursor = from;
  for (; cursor < targets.length && deliveries.length < limit; cursor++) {
    const target = targets[cursor]!;
    for (const of of block) {
      if (of.bits !== null && !hasBit(of.bits, cursor)) continue;
      deliveries.push({ event: of.event, target });
      of.made++;
    }
  }
  return {
    deliveries,
    events: block.map(({ event, made }) => ({ place: event.place, made })),
    cursor,
    done: cursor === targets.length,
  };
}

/** Payload that one step hands over, in characters: each event counts for each of its deliveries, as it will in memory. */
const maxPayload = 4 * 1024 * 1024;

/** What a step hands over to be sent at once, and what it leaves to be claimed. */
export interface Handover {
  /** For each delivery of the block until when it is claimed from its creation; null where it is not. */
  readonly leases: readonly (number | null)[];
  readonly waiting: readonly string[];
}

/**
 * Decides which deliveries of a block are created already claimed: else each endpoint of a wide fan-out would take a claim,
 * and on SQLite a commit, of its own. `known` are endpoints as they are now, `events` what was read and is intact, by number.
 */
export function handOver(
  { deliveries }: FanOutBlock,
  known: (num: number) => Endpoint | undefined,
  events: ReadonlyMap<number, FannedEvent>,
  { now, leaseMs, room, defaultRoom }: FanOutRequest,
): Handover {
  const roomLeft = new Map(room);
  const waiting = new Set<string>();
  let payload = 0;
  const leases = deliveries.map(({ event, target }) => {
    const endpoint = known(target.num);
    // Paused or deleted meanwhile: nothing of it is sent, and what is to become of it is decided elsewhere.
    if (!target.endpoint.enabled || endpoint?.enabled !== true) return null;
    const { id, timeoutMs } = endpoint;
    const left = roomLeft.get(id) ?? defaultRoom;
    const data = events.get(event.number)?.data;
    // A keyed delivery may have others before it, so it always goes by way of a claim.
    const keyed = target.endpoint.ordering === 'key' && event.orderingKey !== null;
    if (data === undefined || keyed || left <= 0 || payload > maxPayload) {
      waiting.add(id);
      return null;
    }
    payload += data.length;
    roomLeft.set(id, left - 1);
    return now + timeoutMs + leaseMs;
  });
  return { leases, waiting: [...waiting] };
}

/** Whether a step can hand anything over at all: else no payload need be read. */
export function mayHandOver({ deliveries }: FanOutBlock, { room, defaultRoom }: FanOutRequest): boolean {
  return (defaultRoom > 0 || room.size > 0) && deliveries.some(({ target }) => target.endpoint.enabled);
}
