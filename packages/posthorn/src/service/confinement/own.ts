import { notFound, type PosthornError } from '../../domain/errors.ts';
import { parseDeliveryId } from '../../domain/ids.ts';
import type { DeliveryFilter, StoreRead } from '../../store/store.ts';
import { endpointIdsFrom, type EndpointRef, findEndpoint } from '../endpoint-ref.ts';
import { Reply } from '../handler.ts';
import type { BoundCaller } from './confinement.ts';

// What belongs to a bound caller. Errors are identical to those for what does not exist.

export const missing = {
  tenant: (): PosthornError => notFound('tenant by that name'),
  endpoint: (): PosthornError => notFound('endpoint by that id or name'),
  event: (): PosthornError => notFound('event by that id and tenant'),
  delivery: (): PosthornError => notFound('delivery by that id'),
  deadLetters: (): PosthornError => notFound('group of dead letters by that id'),
  redrive: (): PosthornError => notFound('redrive by that id'),
  replay: (): PosthornError => notFound('replay by that id'),
  alert: (): PosthornError => notFound('alert by that id'),
  key: (): PosthornError => notFound('key by that id'),
};

/** The caller's tenant, if a request names that one or none; else throws `none`. */
export function ownTenant(
  { tenant }: BoundCaller,
  asked: string | undefined,
  none: () => PosthornError,
): string {
  if (asked !== undefined && asked !== tenant) throw none();
  return tenant;
}

/** The caller's tenants among those of a list's filter; if there are none, the list is empty. */
export function ownTenants({ tenant }: BoundCaller, asked: readonly string[] | undefined): readonly string[] {
  return asked === undefined || asked.includes(tenant) ? [tenant] : [];
}

/** The caller's endpoints among those of a list's filter; undefined: all of its tenant. */
export async function ownEndpoints(
  store: Pick<StoreRead, 'endpointsNamed'>,
  { tenant, endpointIds }: BoundCaller,
  asked: readonly string[] | undefined,
): Promise<readonly string[] | undefined> {
  if (endpointIds === null) return asked;
  if (asked === undefined) return endpointIds;
  return (await endpointIdsFrom(store, asked, [tenant])).filter((id) => endpointIds.includes(id));
}

interface FilterFields {
  readonly tenant?: readonly string[] | undefined;
  readonly endpoint_id?: readonly string[] | undefined;
}

/** A list's filter, narrowed to what is the caller's. */
export async function ownFilter<F extends FilterFields>(
  store: Pick<StoreRead, 'endpointsNamed'>,
  caller: BoundCaller,
  filter: F,
): Promise<F> {
  const endpointIds = await ownEndpoints(store, caller, filter.endpoint_id);
  return {
    ...filter,
    tenant: ownTenants(caller, filter.tenant),
    ...(endpointIds === undefined ? {} : { endpoint_id: endpointIds }),
  };
}

/** The id of one of the caller's endpoints. */
export async function ownEndpoint(
  store: Pick<StoreRead, 'endpoint' | 'endpointsNamed'>,
  caller: BoundCaller,
  { reference, tenant }: EndpointRef,
): Promise<string> {
  const asked = { reference, tenant: ownTenant(caller, tenant, missing.endpoint) };
  const { id } = await findEndpoint(store, asked);
  if (caller.endpointIds?.includes(id) === false) throw missing.endpoint();
  return id;
}

export function isOwn(
  { tenant, endpointIds }: BoundCaller,
  of: { readonly tenant: string; readonly endpointId: string },
): boolean {
  return of.tenant === tenant && endpointIds?.includes(of.endpointId) !== false;
}

export async function demandOwnDelivery(
  store: Pick<StoreRead, 'delivery'>,
  caller: BoundCaller,
  id: string,
): Promise<void> {
  const number = parseDeliveryId(id);
  const delivery = number === null ? null : await store.delivery(number);
  if (delivery === null || !isOwn(caller, delivery)) throw missing.delivery();
}

/** An event of the caller's tenant; for a caller that is bound to endpoints, an event with a delivery to one of them. */
export async function demandOwnEvent(
  store: Pick<StoreRead, 'deliveries'>,
  { tenant, endpointIds }: BoundCaller,
  id: string,
): Promise<void> {
  if (endpointIds === null) return;
  const filter = { tenants: [tenant], eventIds: [id], endpointIds };
  if ((await store.deliveries(filter, { after: null, limit: 1 })).length === 0) throw missing.event();
}

/** Whether a redrive takes only the caller's deliveries. */
export function isOwnFilter(
  { tenant, endpointIds: own }: BoundCaller,
  { tenants = [], endpointIds = [] }: DeliveryFilter,
): boolean {
  const within = (named: readonly string[], known: readonly string[]): boolean =>
    named.length > 0 && named.every((one) => known.includes(one));
  return within(tenants, [tenant]) && (own === null || within(endpointIds, own));
}

/** The number of rows reveals something about other tenants. */
export function withoutRowCount<A extends { readonly rows_read: number | null }>(
  answer: A | Reply<A>,
): A | Reply<A> {
  return answer instanceof Reply ? answer : { ...answer, rows_read: null };
}
