import type { Client, DeliveryState } from '@posthorn/client';
import { iso, minuteMs } from '../../domain/time.ts';
import { count as many } from '../../report/count.ts';
import { everyPage } from '../listing.ts';
import { CommandError } from '../output.ts';
import type { OtherDelivery, OtherSender, TimeRange } from './other-sender.ts';
import type { Pair } from './pairs.ts';

/** An event reaches both senders at about the same time: each side is read for so much longer at both ends. */
const slackMs = 10 * minuteMs;
/** Both sides of one endpoint are in memory. */
const maxDeliveries = 2_000_000;

/** Posthorn's own delivery of an event. */
export interface OwnDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly type: string;
  readonly state: DeliveryState;
  readonly isInRange: boolean;
}

/** What differs in an event that both sent. */
export const aspects = ['url', 'type', 'body', 'headers'] as const;
export type Aspect = (typeof aspects)[number];

export interface Comparison {
  readonly pair: Pair;
  readonly both: readonly OwnDelivery[];
  readonly onlyHere: readonly OwnDelivery[];
  readonly onlyThere: readonly string[];
  /** Accepted there, but not sent to this endpoint so far. */
  readonly unsentThere: readonly OwnDelivery[];
  /** Sent by both senders: the receiver has them twice. */
  readonly twice: readonly OwnDelivery[];
  /** Requests that were built and compared byte for byte. */
  readonly bodiesCompared: number;
  readonly differing: Readonly<Record<Aspect, readonly string[]>>;
  /** When the other sender last accepted an event. */
  readonly lastAcceptedThere: number | null;
}

export interface CompareOptions {
  readonly range: TimeRange;
  /** How many requests are built, the newest first. */
  readonly maxBodies: number;
}

function demandRoom(size: number, pair: Pair): void {
  if (size > maxDeliveries)
    throw new CommandError(
      `${pair.own.id} has more than ${many(maxDeliveries)} deliveries: compare a shorter time with --since and --until`,
    );
}

const widened = ({ since, until }: TimeRange): TimeRange => ({
  since: since - slackMs,
  until: until + slackMs,
});

async function ownDeliveries(
  client: Client,
  pair: Pair,
  range: TimeRange,
): Promise<Map<string, OwnDelivery>> {
  const { since, until } = widened(range);
  const found = new Map<string, OwnDelivery>();
  const pages = everyPage((page) =>
    client.deliveries.list({ ...page, endpointId: [pair.own.id], since: iso(since), until: iso(until) }),
  );
  for await (const { items } of pages) {
    for (const { id, eventId, eventType: type, state, createdAt } of items) {
      const at = Date.parse(createdAt);
      // The first of an event is the one that its acceptance made; others are replays.
      found.set(eventId, { id, eventId, type, state, isInRange: at >= range.since && at < range.until });
    }
    demandRoom(found.size, pair);
  }
  return found;
}

async function otherDeliveries(
  sender: OtherSender,
  pair: Pair,
  range: TimeRange,
): Promise<Map<string, OtherDelivery>> {
  const found = new Map<string, OtherDelivery>();
  for await (const one of sender.deliveries(pair.other.id, widened(range))) {
    found.set(one.eventId, one);
    demandRoom(found.size, pair);
  }
  return found;
}

/** What the bodies and headers of some events differ in, by requests that Posthorn builds as it would send them. */
async function compareRequests(
  client: Client,
  sender: OtherSender,
  { other }: Pair,
  events: readonly { readonly own: OwnDelivery; readonly there: OtherDelivery }[],
): Promise<{ compared: number; body: string[]; headers: string[] }> {
  const differing = { compared: 0, body: [] as string[], headers: [] as string[] };
  const bodies = await sender.bodies(
    events.flatMap(({ there }) => (there.body === null ? [] : [there.body])),
  );
  for (const { own, there } of events) {
    const body = there.body === null ? undefined : bodies.get(there.body);
    if (body === undefined && other.headers.length === 0) continue;
    const request = await client.deliveries.request(own.id);
    if (request.payloads !== 'full')
      throw new CommandError('the key does not see payloads in full: bodies cannot be compared', 2);
    differing.compared++;
    const sent = new Set(request.headers.map(({ name }) => name.toLowerCase()));
    if (other.headers.some((name) => !sent.has(name.toLowerCase()))) differing.headers.push(own.eventId);
    if (body !== undefined && !body.equals(Buffer.from(request.body ?? ''))) differing.body.push(own.eventId);
  }
  return differing;
}

/** Compares what both senders did for one endpoint. */
export async function compareEndpoint(
  client: Client,
  sender: OtherSender,
  pair: Pair,
  { range, maxBodies }: CompareOptions,
): Promise<Comparison> {
  const own = await ownDeliveries(client, pair, range);
  const there = await otherDeliveries(sender, pair, range);
  const inRange = (at: number | null): boolean => at === null || (at >= range.since && at < range.until);
  const both: { own: OwnDelivery; there: OtherDelivery }[] = [];
  const [onlyHere, unsentThere]: [OwnDelivery[], OwnDelivery[]] = [[], []];
  const onlyThere: string[] = [];
  for (const one of own.values()) {
    const found = there.get(one.eventId);
    if (found?.isSent === true) {
      if (one.isInRange || inRange(found.acceptedAt)) both.push({ own: one, there: found });
    } else if (one.isInRange) (found === undefined ? onlyHere : unsentThere).push(one);
  }
  let last: number | null = null;
  for (const { eventId, isSent, acceptedAt } of there.values()) {
    if (acceptedAt !== null) last = Math.max(last ?? 0, acceptedAt);
    if (isSent && inRange(acceptedAt) && !own.has(eventId)) onlyThere.push(eventId);
  }
  const requests = await compareRequests(client, sender, pair, both.slice(0, maxBodies));
  const idsOf = (differs: (one: (typeof both)[number]) => boolean): string[] =>
    both.filter(differs).map(({ own: { eventId } }) => eventId);
  return {
    pair,
    both: both.map(({ own: one }) => one),
    onlyHere,
    onlyThere,
    unsentThere,
    twice: both.filter(({ own: { state } }) => state === 'delivered').map(({ own: one }) => one),
    bodiesCompared: requests.compared,
    differing: {
      url: idsOf(({ there: { url } }) => url !== null && new URL(url).href !== new URL(pair.own.url).href),
      type: idsOf(({ own: { type }, there: { type: other } }) => other !== null && other !== type),
      body: requests.body,
      headers: requests.headers,
    },
    lastAcceptedThere: last,
  };
}

/** Whether the senders did the same. */
export const isEqual = ({ onlyHere, onlyThere, unsentThere, twice, differing }: Comparison): boolean =>
  [onlyHere, onlyThere, unsentThere, twice, ...Object.values(differing)].every(({ length }) => length === 0);
