import type { Answer } from '../contract/table.ts';
import { invalid } from '../domain/errors.ts';
import type { DeliveryFilter, RedriveRecord } from '../store/store.ts';
import { bulkJobs } from './bulk.ts';
import { filterFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { demandEndpoints, findEndpoint } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';

/** Bulk replays: new deliveries of past events. */
export function replayService(deps: ServiceDependencies): Handlers<Of<'replays'>> {
  const { store } = deps;
  const jobs = bulkJobs(deps, 'replay');
  const shown = async (...records: readonly RedriveRecord[]): Promise<Answer<'replays.get'>[]> =>
    await jobs.shown(records, ({ target, redriven }, wire) => ({
      ...wire,
      endpoint_id: target,
      replayed: redriven,
    }));
  const one = async (record: RedriveRecord): Promise<Answer<'replays.get'>> => (await shown(record))[0]!;

  /** The endpoint that receives the events, and the filter within its tenant. */
  const toEndpoint = async (
    reference: string,
    filter: DeliveryFilter,
  ): Promise<{ readonly target: string; readonly filter: DeliveryFilter }> => {
    const [tenant, ...others] = filter.tenants ?? [];
    const { id, tenant: own } = await findEndpoint(store.read, {
      reference,
      tenant: others.length === 0 ? tenant : undefined,
    });
    if (filter.tenants?.includes(own) === false || others.length > 0)
      throw invalid('/filter/tenant', 'is not the tenant of the endpoint that receives the events');
    const { exceptTenant: _, ...rest } = filter;
    return { target: id, filter: { ...rest, tenants: [own] } };
  };

  return {
    'replays.create': async ({ body: { filter: wire, endpoint_id: reference, ...body } }, call) => {
      await demandEndpoints(store.read, wire.endpoint_id ?? [], wire.tenant);
      const filter = await filterFrom(store.read, wire);
      const input = reference === undefined ? { filter, target: null } : await toEndpoint(reference, filter);
      return await one(await jobs.create({ ...body, ...input }, call));
    },
    'replays.list': async ({ query }) => {
      const page = await jobs.list(query);
      return { ...page, items: await shown(...page.items) };
    },
    'replays.get': async ({ params: { id } }) => await one(await jobs.get(id)),
    'replays.update': async ({ params: { id }, body }, call) => await one(await jobs.update(id, body, call)),
    'replays.stop': async ({ params: { id } }, call) => await one(await jobs.stop(id, call)),
  };
}
