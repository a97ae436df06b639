import { dayMs } from '../domain/time.ts';
import { checkConformance } from '../reliability/conformance.ts';
import { readDeclared } from '../reliability/evaluation.ts';
import { everything } from '../store/accounting.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/** A type counts as published if it was published within this time. */
const publishedWithinMs = 30 * dayMs;

/** Lists what lacks an owner, template or objective. */
export function conformanceService({ store, clock }: ServiceDependencies): Handlers<Of<'conformance'>> {
  return {
    'conformance.get': async ({ query }) => {
      const { endpoints, objectives } = await readDeclared(store.read);
      const now = clock.now();
      const window = { ...everything, ...tenantsFrom(undefined), since: now - publishedWithinMs, now };
      const seen = await store.read.accountingBy(window, 'event_type');
      const declared = new Map(
        (await store.read.documents('event_type')).map(({ name, document }) => [name, document]),
      );
      const { total, items } = checkConformance({
        endpoints,
        objectives,
        seen: seen.map(({ key }) => String(key)),
        declared,
        teams: new Set((await store.read.documents('team')).map(({ name }) => name)),
      });
      const page = toPage(items, query, ({ kind, tenant, id }) => [kind, tenant ?? '', id]);
      return { total, conforming: total - items.length, ...page };
    },
  };
}
