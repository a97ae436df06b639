import type { Answer } from '../contract/table.ts';
import type { DeliveryFilter, RedriveRecord } from '../store/store.ts';
import { bulkJobs } from './bulk.ts';
import { filterFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { demandEndpoints } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';

/** Bulk redrives: dead and suppressed deliveries become pending again. */
export function redriveService(deps: ServiceDependencies): Handlers<Of<'redrives'>> {
  const jobs = bulkJobs(deps, 'redrive');
  const shown = async (...records: readonly RedriveRecord[]): Promise<Answer<'redrives.get'>[]> =>
    await jobs.shown(records, ({ redriven }, wire) => ({ ...wire, redriven }));
  const one = async (record: RedriveRecord): Promise<Answer<'redrives.get'>> => (await shown(record))[0]!;

  return {
    'redrives.create': async ({ body: { filter: wire, ...body } }, call) => {
      await demandEndpoints(deps.store.read, wire.endpoint_id ?? [], wire.tenant);
      const filter: DeliveryFilter = { states: ['dead'], ...(await filterFrom(deps.store.read, wire)) };
      return await one(await jobs.create({ ...body, filter, target: null }, call));
    },
    'redrives.list': async ({ query }) => {
      const page = await jobs.list(query);
      return { ...page, items: await shown(...page.items) };
    },
    'redrives.get': async ({ params: { id } }) => await one(await jobs.get(id)),
    'redrives.update': async ({ params: { id }, body }, call) => await one(await jobs.update(id, body, call)),
    'redrives.stop': async ({ params: { id } }, call) => await one(await jobs.stop(id, call)),
  };
}
