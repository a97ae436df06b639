import type { Answer } from '../contract/table.ts';
import type { DeadLetterGroup } from '../store/store.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { pageOf } from './paging.ts';
import { wireMoney } from './wire.ts';
import { iso } from '../domain/time.ts';

/** Dead letters, grouped by endpoint and failure. */
export function deadLetterService({
  store,
}: Pick<ServiceDependencies, 'store'>): Handlers<Of<'deadLetters'>> {
  return {
    'deadLetters.list': async ({ query: { tenant, endpoint_id: references, ...page } }) => {
      const { items, next_cursor: next } = pageOf(
        await store.deadLetters({
          ...tenantsFrom(tenant, references !== undefined),
          ...(references === undefined
            ? {}
            : { endpointIds: await endpointIdsFrom(store, references, tenant) }),
        }),
        page,
        ({ count, endpointId, errorClass }) => [-count, endpointId, errorClass ?? ''],
        'desc',
      );
      return { items: items.map(wireGroup), next_cursor: next };
    },
  };
}

function wireGroup(group: DeadLetterGroup): Answer<'deadLetters.list'>['items'][number] {
  return {
    endpoint_id: group.endpointId,
    owner: group.owner,
    error_class: group.errorClass,
    count: group.count,
    blocked_keys: group.blockedKeys,
    oldest_at: iso(group.oldestAt),
    value_at_risk: group.valueAtRisk.map(wireMoney),
  };
}
