import type { Answer } from '../contract/table.ts';
import { compiledFilter, type FilterTest } from '../domain/filter.ts';
import { invalid } from '../domain/errors.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { iso } from '../domain/time.ts';
import { nextTurn } from '../runtime/turn.ts';
import type { RecentEvent } from '../store/recent.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers, Of } from './handler.ts';
import { requirePayloads } from './payload-looks.ts';

/** Ids of each kind in an answer. */
const maxSamples = 10;
/** About 200 ms on a store with many tenants. */
const maxScanned = 12_800;
const maxPayload = 4 * 1024 * 1024;
/** Parsing this much takes about 2 ms: then others get a turn. */
const maxPayloadPerTurn = 256 * 1024;

/** Tries filters on recent events. */
export function filterService({ store }: ServiceDependencies): Handlers<Of<'filters'>> {
  return {
    'filters.dryRun': async ({ body }, { caller }) => {
      const { filter, tenant = defaultTenant, event_types: eventTypes, last, data } = body;
      const test = compiledFilter(filter);
      if (data !== undefined) {
        if (eventTypes !== undefined || last !== undefined)
          throw invalid('/data', 'is tried alone: leave out event_types and last');
        const passes = test(data);
        return { ...nothing, examined: 1, passed: Number(passes), failed: Number(!passes) };
      }
      requirePayloads(caller);
      const { events, complete } = await store.read.recentEvents({
        tenant,
        eventTypes: eventTypes ?? ['*'],
        limit: last ?? 100,
        maxScanned,
        maxPayload,
      });
      return { ...(await tried(events, test)), complete };
    },
  };
}

const nothing: Answer<'filters.dryRun'> = {
  examined: 0,
  passed: 0,
  failed: 0,
  passed_ids: [],
  failed_ids: [],
  newest_at: null,
  oldest_at: null,
  complete: true,
};

async function tried(events: readonly RecentEvent[], test: FilterTest): Promise<Answer<'filters.dryRun'>> {
  const ids: Readonly<Record<'passed' | 'failed', string[]>> = { passed: [], failed: [] };
  let payload = 0;
  for (const { id, data } of events) {
    ids[passes(test, data) ? 'passed' : 'failed'].push(id);
    payload += data.length;
    if (payload < maxPayloadPerTurn) continue;
    payload = 0;
    await nextTurn();
  }
  const [newest, oldest] = [events[0], events.at(-1)];
  return {
    examined: events.length,
    passed: ids.passed.length,
    failed: ids.failed.length,
    passed_ids: ids.passed.slice(0, maxSamples),
    failed_ids: ids.failed.slice(0, maxSamples),
    newest_at: newest === undefined ? null : iso(newest.acceptedAt),
    oldest_at: oldest === undefined ? null : iso(oldest.acceptedAt),
    complete: true,
  };
}

/** Data that was changed on disk may be anything: it is not sent, so it does not pass. */
function passes(test: FilterTest, data: string): boolean {
  try {
    return test(JSON.parse(data));
  } catch {
    return false;
  }
}
