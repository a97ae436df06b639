import type { Answer } from '../contract/table.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import { notFound, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import { beginRedrive } from '../store/redrives.ts';
import type { DeliveryFilter, Endpoints, RedriveRecord } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { filterFrom, wireFilter } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Call, Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';
import { wireMoney } from './wire.ts';

const missing = (): PosthornError => notFound('redrive by that id');

/** Redrives in bulk: durable, side by side; listed, changed and stopped. */
export function redriveService({
  store,
  engine,
  clock,
  random,
}: ServiceDependencies): Handlers<Of<'redrives'>> {
  /** The endpoints that are throttled and may have deliveries of this filter. */
  const throttledBy = async ({
    endpointIds,
    tenants,
    exceptTenant,
  }: DeliveryFilter): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const id of endpointIds ?? engine.status().throttled) {
      const tenant = (await store.endpoint(id))?.tenant;
      if (tenant !== undefined && tenant !== exceptTenant && tenants?.includes(tenant) !== false)
        found.push(id);
    }
    return found;
  };

  /** What it changes the store adds. */
  const commandEntry = async (
    id: string,
    action: 'redrives.update' | 'redrives.stop',
    call: Call,
  ): Promise<AuditEntry> => {
    const redrive = await store.redrive(id);
    if (redrive === null) throw missing();
    const target = { kind: 'redrive', id };
    const tenant = await tenantOf(store, redrive.filter);
    return auditEntry(call, clock.now(), { action, target, tenant });
  };

  return {
    'redrives.create': async (
      { body: { filter: wire, dry_run: dryRun, name = null, rate_per_s: ratePerS = null } },
      call,
    ) => {
      const filter: DeliveryFilter = { states: ['dead'], ...(await filterFrom(store, wire)) };
      // Read before anything is stored: what fails after that would say that nothing was (G5).
      const throttled = dryRun ? [] : await throttledBy(filter);
      const now = clock.now();
      const id = timeOrderedId('rdr', now, random.bytes(12));
      const audit = auditEntry(call, now, {
        action: 'redrives.create',
        target: { kind: 'redrive', id },
        tenant: await tenantOf(store, filter),
        after: { name, filter: wireFilter(filter), rate_per_s: ratePerS, dry_run: dryRun },
      });
      const redrive = await beginRedrive(store, { id, name, filter, ratePerS, dryRun, now }, audit);
      // An operator who redrives wants it now: what receivers asked for with Retry-After is over.
      await engine.clearThrottles(throttled);
      engine.wake([]);
      return wireRedrive(redrive);
    },

    'redrives.list': async ({
      query: { tenant: tenants, endpoint_id: references, limit, cursor, order },
    }) => {
      const after = decodeCursor(cursor);
      if (after !== null && !/^rdr_\w{1,64}$/.test(after)) throw invalidCursor();
      const page = pageRead(
        await store.redrives({
          after,
          limit: limit + 1,
          order,
          ...(tenants === undefined ? {} : { tenants }),
          ...(references === undefined
            ? {}
            : { endpointIds: await endpointIdsFrom(store, references, tenants) }),
        }),
        limit,
        ({ id }) => id,
      );
      return { ...page, items: page.items.map(wireRedrive) };
    },

    'redrives.get': async ({ params: { id } }) => {
      const redrive = await store.redrive(id);
      if (redrive === null) throw missing();
      return wireRedrive(redrive);
    },

    'redrives.update': async ({ params: { id }, body: { name, rate_per_s: ratePerS } }, call) => {
      const changed = await store.changeRedrive(
        id,
        {
          ...(name === undefined ? {} : { name }),
          ...(ratePerS === undefined ? {} : { ratePerS }),
        },
        await commandEntry(id, 'redrives.update', call),
      );
      if (changed === 'not_found') throw missing();
      if (changed === 'ended')
        throw new PosthornError(
          'wrong_state',
          'This redrive has ended: start another one with the rate you want.',
        );
      engine.wake([]);
      return wireRedrive(changed);
    },

    'redrives.stop': async ({ params: { id } }, call) => {
      const audit = await commandEntry(id, 'redrives.stop', call);
      const redrive = await store.stopRedrive(id, clock.now(), audit);
      if (redrive === null) throw missing();
      if (redrive.state === 'done')
        throw new PosthornError('wrong_state', 'This redrive is done: there is nothing left to stop.');
      engine.wake([]);
      return wireRedrive(redrive);
    },
  };
}

/** The tenant of a redrive that is about one: by its filter, or by the endpoints that it names. */
async function tenantOf(
  store: Pick<Endpoints, 'endpoint'>,
  { tenants, endpointIds }: DeliveryFilter,
): Promise<string | null> {
  const found = new Set(tenants);
  if (tenants === undefined)
    for (const id of endpointIds ?? []) {
      const endpoint = await store.endpoint(id);
      if (endpoint !== null) found.add(endpoint.tenant);
    }
  const [first = null, ...others] = found;
  return others.length === 0 ? first : null;
}

function wireRedrive(redrive: RedriveRecord): Answer<'redrives.get'> {
  return {
    id: redrive.id,
    name: redrive.name,
    state: redrive.state,
    matched: redrive.matched,
    redriven: redrive.redriven,
    skipped: redrive.skipped,
    value: redrive.value.map(wireMoney),
    oldest_at: isoOrNull(redrive.oldestAt),
    newest_at: isoOrNull(redrive.newestAt),
    filter: wireFilter(redrive.filter),
    dry_run: redrive.dryRun,
    rate_per_s: redrive.ratePerS,
    created_at: iso(redrive.createdAt),
    finished_at: isoOrNull(redrive.finishedAt),
  };
}
