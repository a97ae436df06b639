import type { z } from 'zod';
import type {
  deliveryFilterQuery,
  redriveFilter,
  replayFilter,
  statusClass,
} from '../contract/delivery-filter.ts';
import type { Answer, Input } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { iso } from '../domain/time.ts';
import type { DeliveryFilter, DeliverySearch, StoreRead, TenantFilter } from '../store/store.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';

type WireFilter =
  | z.output<typeof deliveryFilterQuery>
  | z.output<typeof redriveFilter>
  | z.output<typeof replayFilter>;

/**
 * The tenants that a list or a sum covers. Posthorn's own deliveries are excluded, unless the filter names its tenant
 * or one of its ids.
 */
export function tenantsFrom(tenants: readonly string[] | undefined, isById = false): TenantFilter {
  if (tenants !== undefined) return { tenants };
  return isById ? {} : { exceptTenant: alertTenant };
}

type StatusClass = z.output<typeof statusClass>;
const noAnswer = 'none';
const digitOf = (name: StatusClass): number => (name === noAnswer ? 0 : Number(name[0]));
const classOf = (digit: number): StatusClass =>
  digit === 0 ? noAnswer : (`${digit}xx` as Exclude<StatusClass, 'none'>);

/** A filter of deliveries in the domain's form. */
export async function filterFrom(
  store: Pick<StoreRead, 'endpointsNamed'>,
  wire: WireFilter,
): Promise<DeliveryFilter> {
  const { tenant, endpoint_id: references, event_id: eventIds } = wire;
  return {
    ...tenantsFrom(tenant, references !== undefined || eventIds !== undefined),
    ...(references === undefined ? {} : { endpointIds: await endpointIdsFrom(store, references, tenant) }),
    ...(eventIds === undefined ? {} : { eventIds }),
    ...(wire.event_type === undefined ? {} : { eventTypes: wire.event_type }),
    ...(wire.routing_key === undefined ? {} : { routingKeys: wire.routing_key }),
    ...(wire.state === undefined ? {} : { states: wire.state }),
    ...(wire.error_class === undefined ? {} : { errorClasses: wire.error_class }),
    ...('status_code' in wire && wire.status_code !== undefined ? { statusCodes: wire.status_code } : {}),
    ...('status_class' in wire && wire.status_class !== undefined
      ? { statusClasses: wire.status_class.map(digitOf) }
      : {}),
    ...(wire.since === undefined ? {} : { since: Date.parse(wire.since) }),
    ...(wire.until === undefined ? {} : { until: Date.parse(wire.until) }),
  };
}

/** A delivery list's filter in the domain's form; an owner, a currency or a value does not name a tenant. */
export async function searchFrom(
  store: Pick<StoreRead, 'endpointsNamed'>,
  wire: Omit<Input<'deliveries.list'>['query'], 'limit' | 'cursor' | 'order' | 'include'>,
  now: number,
): Promise<DeliverySearch> {
  const { status_code: codes, ordering_key: keys, min_value: minValue, currency, late, blocked } = wire;
  return {
    ...(await filterFrom(store, wire)),
    ...(codes === undefined ? {} : { statusCodes: codes }),
    ...(wire.owner === undefined ? {} : { owners: wire.owner }),
    ...(wire.redrive_id === undefined ? {} : { redriveIds: wire.redrive_id }),
    ...(keys === undefined ? {} : { orderingKeys: keys }),
    ...(currency === undefined ? {} : { currencies: currency.map((code) => code.toUpperCase()) }),
    ...(minValue === undefined ? {} : { minValue: BigInt(minValue) }),
    ...(late === undefined ? {} : { late: { is: late === 'true', now } }),
    ...(blocked === undefined ? {} : { blocked: true as const }),
  };
}

/** The same in wire form. */
export function wireFilter(filter: DeliveryFilter): Answer<'redrives.get'>['filter'] {
  const { since, until } = filter;
  const list = <T>(values: readonly T[] | undefined): T[] | undefined => values && [...values];
  return {
    tenant: list(filter.tenants),
    endpoint_id: list(filter.endpointIds),
    event_id: list(filter.eventIds),
    event_type: list(filter.eventTypes),
    routing_key: list(filter.routingKeys),
    state: list(filter.states),
    error_class: list(filter.errorClasses),
    status_code: list(filter.statusCodes),
    status_class: list(filter.statusClasses?.map(classOf)),
    since: since === undefined ? undefined : iso(since),
    until: until === undefined ? undefined : iso(until),
  };
}
