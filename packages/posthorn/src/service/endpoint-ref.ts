import type { Endpoint } from '../domain/endpoint.ts';
import { notFound } from '../domain/errors.ts';
import { isEndpointId } from '../domain/ids.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { StoreRead } from '../store/store.ts';

/** How a caller names an endpoint: by its id, or by its name in a tenant. */
export interface EndpointRef {
  readonly reference: string;
  /** Omitted: for a name the default tenant, for an id any. */
  readonly tenant: string | undefined;
}

type Found = Pick<StoreRead, 'endpoint' | 'endpointsNamed'>;

export async function findEndpoint(store: Found, { reference, tenant }: EndpointRef): Promise<Endpoint> {
  const found = isEndpointId(reference)
    ? await store.endpoint(reference)
    : (await store.endpointsNamed([tenant ?? defaultTenant], [reference]))[0];
  if (!found || (tenant !== undefined && found.tenant !== tenant))
    throw notFound('endpoint by that id or name');
  return found;
}

/**
 * Rejects names and ids of endpoints that never were: a bulk job about one would do nothing, and look like a success (G5). A deleted
 * endpoint is known by its deliveries.
 */
export async function demandEndpoints(
  store: Found & Pick<StoreRead, 'deliveries'>,
  references: readonly string[],
  tenants: readonly string[] = [defaultTenant],
): Promise<void> {
  for (const reference of references) {
    const isKnown = isEndpointId(reference)
      ? (await store.endpoint(reference)) !== null ||
        (await store.deliveries({ endpointIds: [reference] }, { after: null, limit: 1 })).length > 0
      : (await store.endpointsNamed(tenants, [reference])).length > 0;
    if (!isKnown) throw notFound(`endpoint ${reference}`);
  }
}

/** Ids for a filter that accepts ids and names: an unknown name matches nothing. */
export async function endpointIdsFrom(
  store: Pick<StoreRead, 'endpointsNamed'>,
  references: readonly string[],
  tenants: readonly string[] = [defaultTenant],
): Promise<readonly string[]> {
  const names = references.filter((reference) => !isEndpointId(reference));
  if (names.length === 0) return references;
  const named = await store.endpointsNamed(tenants, names);
  return [...references.filter(isEndpointId), ...named.map(({ id }) => id)];
}
