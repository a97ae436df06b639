import type { Answer } from '../contract/table.ts';
import { deliveryId, parseDeliveryId } from '../domain/ids.ts';
import type { BlockedKey, BlockedKeyCursor } from '../store/store.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';
import { iso } from '../domain/time.ts';

/** Lists ordering keys that dead letters block. */
export function blockedKeyService({
  store,
}: Pick<ServiceDependencies, 'store'>): Handlers<Of<'blockedKeys'>> {
  return {
    'blockedKeys.list': async ({ query: { tenant, endpoint_id: references, limit, cursor } }) => {
      const read = await store.read.blockedKeys({
        ...tenantsFrom(tenant, references !== undefined),
        ...(references === undefined
          ? {}
          : { endpointIds: await endpointIdsFrom(store.read, references, tenant) }),
        after: positionFrom(decodeCursor(cursor)),
        limit: limit + 1,
      });
      const page = pageRead(
        read,
        limit,
        ({ endpointId, blockedBy }) => `${endpointId}/${deliveryId(blockedBy)}`,
      );
      return { ...page, items: page.items.map(wireBlockedKey) };
    },
  };
}

function positionFrom(last: string | null): BlockedKeyCursor | null {
  if (last === null) return null;
  const [endpointId = '', id = '', ...rest] = last.split('/');
  const number = parseDeliveryId(id);
  if (endpointId === '' || number === null || rest.length > 0) throw invalidCursor();
  return { endpointId, number };
}

function wireBlockedKey(key: BlockedKey): Answer<'blockedKeys.list'>['items'][number] {
  return {
    endpoint_id: key.endpointId,
    tenant: key.tenant,
    ordering_key: key.orderingKey,
    blocked_by: deliveryId(key.blockedBy),
    event_id: key.eventId,
    event_type: key.eventType,
    error_class: key.errorClass,
    reason: key.reason,
    since: iso(key.since),
    waiting: key.waiting,
  };
}
