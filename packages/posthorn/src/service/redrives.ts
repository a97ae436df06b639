import type { Answer } from '../contract/table.ts';
import { invalid, notFound, PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { beginRedrive } from '../store/redrives.ts';
import type { RedriveRecord } from '../store/store.ts';
import { filterFrom, wireFilter } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { decodeCursor, invalidCursor, pageRead } from './paging.ts';
import { iso, isoOrNull, wireMoney } from './wire.ts';

const missing = (): PosthornError => notFound('redrive by that id');

/** Redrives in bulk: durable, side by side; listed, changed and stopped. */
export function redriveService({
  store,
  engine,
  clock,
  random,
}: ServiceDependencies): Handlers<Of<'redrives'>> {
  /** An operator who redrives wants it now: what receivers asked for with Retry-After is over. */
  const clearThrottles = async (
    endpointId: string | undefined,
    tenant: string | undefined,
  ): Promise<void> => {
    for (const id of endpointId === undefined ? engine.status().throttled : [endpointId])
      if (tenant === undefined || (await store.endpoint(id))?.tenant === tenant)
        await engine.clearThrottles([id]);
  };

  return {
    'redrives.create': async ({ body: { filter, dry_run: dryRun, name, rate_per_s: ratePerS } }) => {
      if (filter.state !== undefined && filter.state !== 'dead' && filter.state !== 'suppressed')
        throw invalid('/filter/state', 'must be dead or suppressed');
      const now = clock.now();
      const redrive = await beginRedrive(store, {
        id: timeOrderedId('rdr', now, random.bytes(12)),
        name: name ?? null,
        filter: { state: 'dead', ...filterFrom(filter) },
        ratePerS: ratePerS ?? null,
        dryRun,
        now,
      });
      if (!dryRun) await clearThrottles(filter.endpoint_id, filter.tenant);
      engine.wake([]);
      return wireRedrive(redrive);
    },

    'redrives.list': async ({ query: { limit, cursor } }) => {
      const before = decodeCursor(cursor);
      if (before !== null && !/^rdr_\w{1,64}$/.test(before)) throw invalidCursor();
      const page = pageRead(await store.redrives({ before, limit: limit + 1 }), limit, ({ id }) => id);
      return { ...page, items: page.items.map(wireRedrive) };
    },

    'redrives.get': async ({ params: { id } }) => {
      const redrive = await store.redrive(id);
      if (redrive === null) throw missing();
      return wireRedrive(redrive);
    },

    'redrives.update': async ({ params: { id }, body: { name, rate_per_s: ratePerS } }) => {
      const changed = await store.changeRedrive(id, {
        ...(name === undefined ? {} : { name }),
        ...(ratePerS === undefined ? {} : { ratePerS }),
      });
      if (changed === 'not_found') throw missing();
      if (changed === 'ended')
        throw new PosthornError(
          'wrong_state',
          'This redrive has ended: start another one with the rate you want.',
        );
      engine.wake([]);
      return wireRedrive(changed);
    },

    'redrives.stop': async ({ params: { id } }) => {
      const redrive = await store.stopRedrive(id, clock.now());
      if (redrive === null) throw missing();
      if (redrive.state === 'done')
        throw new PosthornError('wrong_state', 'This redrive is done: there is nothing left to stop.');
      engine.wake([]);
      return wireRedrive(redrive);
    },
  };
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
