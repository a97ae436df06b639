import type { Endpoint } from '../domain/endpoint.ts';
import type { StoreRead, TenantFilter } from './store.ts';

const page = 500;

/** All endpoints that are not deleted (of these tenants), by id, page by page. */
export async function* everyEndpoint(
  store: Pick<StoreRead, 'endpoints'>,
  filter: TenantFilter = {},
): AsyncGenerator<Endpoint> {
  for (let after: string | null = null; ;) {
    const endpoints: readonly Endpoint[] = await store.endpoints({ ...filter, after, limit: page });
    yield* endpoints;
    if (endpoints.length < page) return;
    after = endpoints.at(-1)!.id;
  }
}
