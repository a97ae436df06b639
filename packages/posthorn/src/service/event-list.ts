import type { Answer } from '../contract/table.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import type { EventSearch, FoundEvent } from '../store/store.ts';
import { numberCursor, searchBounded, searchedPage } from './bounded-search.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers } from './handler.ts';
import { wireValue } from './wire.ts';

/** Lists events without their data. */
export function eventListService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Pick<Handlers, 'events.list'> {
  return {
    'events.list': async ({ query: { limit, cursor, order, tenant, endpoint_id: references, ...query } }) => {
      const { type, ordering_key: orderingKeys, routing_key: routingKeys, unmatched, since, until } = query;
      const window = {
        ...(since === undefined ? {} : { since: Date.parse(since) }),
        ...(until === undefined ? {} : { until: Date.parse(until) }),
      };
      const search: EventSearch = {
        ...tenantsFrom(tenant, references !== undefined),
        ...window,
        ...(type === undefined ? {} : { types: type }),
        ...(orderingKeys === undefined ? {} : { orderingKeys }),
        ...(routingKeys === undefined ? {} : { routingKeys }),
        ...(references === undefined
          ? {}
          : { endpointIds: await endpointIdsFrom(store.read, references, tenant) }),
        ...(unmatched === undefined ? {} : { matched: unmatched === 'false' }),
      };
      const within = await store.read.eventsWithin(window);
      const page = { after: numberCursor(cursor), limit: limit + 1 };
      const found = await searchBounded(clock, page, async (step) => {
        const { numbers, ...rest } = await store.read.searchEvents(search, { ...step, order, within });
        return { ...rest, items: await store.read.foundEvents(numbers) };
      });
      const listed = searchedPage(found.items, limit, found, {
        cursorOf: ({ number }) => String(number),
        timeOf: ({ acceptedAt }) => iso(acceptedAt),
        cursorAt: String,
      });
      return { ...listed, items: listed.items.map(wireFound) };
    },
  };
}

function wireFound(event: FoundEvent): Answer<'events.list'>['items'][number] {
  const { id, tenant, type, acceptedAt, occurredAt, orderingKey, routingKeys } = event;
  const { value, deliveries, suppressed, dataDeletedAt } = event;
  return {
    id,
    tenant,
    type,
    accepted_at: iso(acceptedAt),
    occurred_at: isoOrNull(occurredAt),
    ordering_key: orderingKey,
    routing_keys: [...routingKeys],
    value: wireValue(value),
    deliveries,
    suppressed,
    unmatched: deliveries === 0,
    data_deleted_at: isoOrNull(dataDeletedAt),
  };
}
