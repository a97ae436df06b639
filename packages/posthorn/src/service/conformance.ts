import { dayMs } from '../domain/time.ts';
import { checkConformance } from '../reliability/conformance.ts';
import { readDeclared } from '../reliability/evaluation.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/** A type counts as published if it was published within this time. */
const publishedWithinMs = 30 * dayMs;
/** So many types are looked at. */
const maxTypes = 10_000;

/** Lists what lacks an owner, template or objective. */
export function conformanceService({ store, clock }: ServiceDependencies): Handlers<Of<'conformance'>> {
  return {
    'conformance.get': async ({ query }) => {
      const { endpoints, objectives } = await readDeclared(store.read);
      const now = clock.now();
      const window = { ...tenantsFrom(undefined), since: now - publishedWithinMs, until: null, now };
      const seen = await store.read.publishedTypes(window, maxTypes);
      const declared = new Map(
        (await store.read.documents('event_type')).map(({ name, document }) => [name, document]),
      );
      const { total, items } = checkConformance({
        endpoints,
        objectives,
        seen,
        declared,
        teams: new Set((await store.read.documents('team')).map(({ name }) => name)),
      });
      const page = toPage(items, query, ({ kind, tenant, id }) => [kind, tenant ?? '', id]);
      return { total, conforming: total - items.length, ...page };
    },
  };
}
