import type { Answer, Input } from '../contract/table.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import { deliveryId } from '../domain/ids.ts';
import { iso } from '../domain/time.ts';
import type { AttemptRecord, DeliverySearch, FoundDelivery, Order } from '../store/store.ts';
import { searchBounded, searchedPage } from './bounded-search.ts';
import { wireAttempt } from './delivery-details.ts';
import { filterFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor } from './paging.ts';

/** Deliveries whose attempts are read together. */
const deliveriesAtOnce = 200;

type Query = Input<'attempts.list'>['query'];

interface Found {
  readonly delivery: FoundDelivery;
  readonly attempt: AttemptRecord;
}

/** The position of an attempt: its delivery's number, and its own; without its own, after all attempts of the delivery. */
interface Place {
  readonly number: number;
  readonly n: number | null;
}

function placeIn(cursor: string | undefined): Place | null {
  const text = decodeCursor(cursor);
  if (text === null) return null;
  const match = /^(\d{1,16})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw invalidCursor();
  return { number: Number(match[1]), n: match[2] === undefined ? null : Number(match[2]) };
}

const placeText = ({ number, n }: Place): string => (n === null ? String(number) : `${number}.${n}`);

function matches(
  { statusCode, outcome, startedAt }: AttemptRecord,
  { outcome: outcomes, status_class: classes, since, until }: Query,
): boolean {
  const statusClass = statusCode === null ? 'none' : (`${Math.floor(statusCode / 100)}xx` as const);
  return (
    (outcomes === undefined || outcomes.includes(outcome)) &&
    (classes === undefined || classes.some((one) => one === statusClass)) &&
    (since === undefined || startedAt >= Date.parse(since)) &&
    (until === undefined || startedAt < Date.parse(until))
  );
}

/** Whether an attempt comes after a position. */
function isBehind(place: Place | null, number: number, n: number, order: Order): boolean {
  if (place === null || place.number !== number || place.n === null) return true;
  return order === 'desc' ? n < place.n : n > place.n;
}

/** Lists attempts across deliveries. */
export function attemptService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<Of<'attempts'>> {
  return {
    'attempts.list': async ({ query }, { caller: { payloads } }) => {
      const { limit, cursor, order, tenant, endpoint_id: endpoints, event_id: events, until } = query;
      const search: DeliverySearch = await filterFrom(store.read, {
        tenant,
        endpoint_id: endpoints,
        event_id: events,
        event_type: query.event_type,
        routing_key: query.routing_key,
      });
      // An attempt may come long after its delivery was created, but never before.
      const within = await store.read.deliveriesWithin(
        until === undefined ? {} : { until: Date.parse(until) },
      );
      const begin = placeIn(cursor);
      const found = await searchBounded<Place, Found>(
        clock,
        { after: begin, limit: limit + 1 },
        async (page) => {
          const { after } = page;
          // The rest of a delivery's attempts is at its own number.
          const shift = after === null || after.n === null ? 0 : order === 'desc' ? 1 : -1;
          const step = await store.read.searchDeliveries(search, {
            after: after === null ? null : after.number + shift,
            limit: deliveriesAtOnce,
            maxRows: page.maxRows,
            order,
            within,
          });
          const attempts = (await store.read.attemptsOf(step.numbers)).filter(
            (attempt) => matches(attempt, query) && isBehind(after, attempt.delivery, attempt.n, order),
          );
          const byDelivery = Map.groupBy(attempts, ({ delivery }) => delivery);
          // Most outcomes that are searched for are rare: deliveries with other outcomes are not read.
          const deliveries = await store.read.foundDeliveries(
            step.numbers.filter((number) => byDelivery.has(number)),
          );
          const items = deliveries.flatMap((delivery) => {
            const of = byDelivery.get(delivery.number) ?? [];
            return (order === 'desc' ? of.toReversed() : of).map((attempt) => ({ delivery, attempt }));
          });
          const cut = items.length > page.limit;
          const last = items[page.limit - 1];
          return {
            items: items.slice(0, page.limit),
            rowsRead: step.rowsRead,
            next: cut
              ? { number: last!.delivery.number, n: last!.attempt.n }
              : step.next === null
                ? null
                : { number: step.next, n: null },
            searchedTo: cut ? last!.delivery.createdAt : step.searchedTo,
          };
        },
      );
      const listed = searchedPage(found.items, limit, found, {
        cursorOf: ({ delivery, attempt }) => placeText({ number: delivery.number, n: attempt.n }),
        timeOf: ({ delivery }) => iso(delivery.createdAt),
        cursorAt: placeText,
      });
      return { ...listed, items: listed.items.map((one) => wireListed(one, payloads)) };
    },
  };
}

function wireListed(
  { delivery, attempt }: Found,
  payloads: PayloadAccess,
): Answer<'attempts.list'>['items'][number] {
  return {
    ...wireAttempt(attempt, payloads),
    delivery_id: deliveryId(delivery.number),
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    tenant: delivery.tenant,
    endpoint_id: delivery.endpointId,
  };
}
