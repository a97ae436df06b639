import type { z } from 'zod';
import type { deliveryFilterQuery, redriveFilter } from '../contract/delivery-filter.ts';
import type { Answer } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { iso } from '../domain/time.ts';
import type { DeliveryFilter, Endpoints, TenantFilter } from '../store/store.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';

type WireFilter = z.output<typeof deliveryFilterQuery> | z.output<typeof redriveFilter>;

/**
 * The tenants that a list or a sum covers. What Posthorn does itself is in none, unless its tenant is asked for, or
 * something by its id.
 */
export function tenantsFrom(tenants: readonly string[] | undefined, isById = false): TenantFilter {
  if (tenants !== undefined) return { tenants };
  return isById ? {} : { exceptTenant: alertTenant };
}

/** A filter of deliveries in the domain's words. */
export async function filterFrom(
  store: Pick<Endpoints, 'endpointsNamed'>,
  wire: WireFilter,
): Promise<DeliveryFilter> {
  const { tenant, endpoint_id: references, event_id: eventIds } = wire;
  return {
    ...tenantsFrom(tenant, references !== undefined || eventIds !== undefined),
    ...(references === undefined ? {} : { endpointIds: await endpointIdsFrom(store, references, tenant) }),
    ...(eventIds === undefined ? {} : { eventIds }),
    ...(wire.event_type === undefined ? {} : { eventTypes: wire.event_type }),
    ...(wire.state === undefined ? {} : { states: wire.state }),
    ...(wire.error_class === undefined ? {} : { errorClasses: wire.error_class }),
    ...(wire.since === undefined ? {} : { since: Date.parse(wire.since) }),
    ...(wire.until === undefined ? {} : { until: Date.parse(wire.until) }),
  };
}

/** The same in the words of the wire. */
export function wireFilter(filter: DeliveryFilter): Answer<'redrives.get'>['filter'] {
  const { since, until } = filter;
  const list = <T>(values: readonly T[] | undefined): T[] | undefined => values && [...values];
  return {
    tenant: list(filter.tenants),
    endpoint_id: list(filter.endpointIds),
    event_id: list(filter.eventIds),
    event_type: list(filter.eventTypes),
    state: list(filter.states),
    error_class: list(filter.errorClasses),
    since: since === undefined ? undefined : iso(since),
    until: until === undefined ? undefined : iso(until),
  };
}
