import { invalid } from '../domain/errors.ts';
import { alertEndpoint } from '../domain/alert.ts';
import { dayMs, hourMs, iso, minuteMs } from '../domain/time.ts';
import type { Answer, Input } from '../contract/table.ts';
import { everything } from '../store/accounting.ts';
import type { PastPart, PastQuery } from '../store/past.ts';
import type { StoreRead } from '../store/store.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers } from './handler.ts';
import { Latest } from './now/latest.ts';
import { pastAnswer, type PastEndpoint } from './now/past.ts';

/** Rows that are read for a window. */
const maxPastRows = 2_000_000;
/** Rows per step: other reads get their turn between two steps (G8). */
const stepRows = 10_000;
/** Moments that are cached for their next reader. */
const maxMoments = 50;
const keptMs = minuteMs;

const lengths = { '1h': hourMs, '24h': dayMs, '7d': 7 * dayMs } as const;

type Past = Answer<'now.past'>;

/** The overview as it was at a moment, from rows. One read at a time for all callers. */
export function nowPastService({
  store,
  clock,
  retention,
}: Pick<ServiceDependencies, 'store' | 'clock' | 'retention'>): Handlers<'now.past'> {
  const latest = new Latest<Past>(clock, keptMs, maxMoments);
  let turn: Promise<unknown> = Promise.resolve();

  return {
    'now.past': async ({ query: { at: asked, last, tenant, endpoint_id: references } }) => {
      const now = clock.now();
      const query = pastQuery(
        { asked, last, begin: now - retention.settledMs, now },
        {
          ...tenantsFrom(tenant, references !== undefined),
          endpointIds:
            references === undefined ? null : await endpointIdsFrom(store.read, references, tenant),
        },
      );
      await demandReadable(store.read, query, now);
      return await latest.get(JSON.stringify(query), async () => {
        const made = turn.then(() => readPast(store.read, query));
        turn = made.catch(() => {});
        return await made;
      });
    },
  };
}

async function readParts(read: StoreRead, query: PastQuery): Promise<PastPart[]> {
  const within = await read.deliveriesWithin({ since: query.since, until: query.at });
  const parts: PastPart[] = [];
  for (let after: number | null = null; ;) {
    const step = await read.pastStep(query, { after, maxRows: stepRows, within });
    parts.push(...step.parts);
    if (step.next === null) return parts;
    after = step.next;
  }
}

async function readPast(read: StoreRead, query: PastQuery): Promise<Past> {
  const parts = await readParts(read, query);
  const { alerts } = await read.alerts();
  const ids = new Set(parts.filter(({ then }) => then !== 'delivered').map(({ endpointId }) => endpointId));
  const endpoints = new Map<string, PastEndpoint>();
  for (const id of ids) {
    const endpoint = await read.endpoint(id);
    if (endpoint !== null) endpoints.set(id, { host: new URL(endpoint.url).host, owner: endpoint.owner });
  }
  const isEverything = query.tenants === undefined && query.endpointIds === null;
  const known = new Set(parts.map(({ endpointId }) => endpointId));
  return pastAnswer({
    since: query.since,
    at: query.at,
    parts,
    endpoints,
    alerts: alerts.filter((alert) => {
      const about = alertEndpoint(alert);
      return isEverything || (about !== null && known.has(about));
    }),
  });
}

/** Counters give the number of rows before any is read. */
async function demandReadable(read: StoreRead, query: PastQuery, now: number): Promise<void> {
  const { at, since, ...scope } = query;
  const groups = await read.accountingBy({ ...everything, ...scope, since, until: at, now }, 'endpoint');
  const rows = groups.reduce((sum, { accepted }) => sum + accepted, 0);
  if (rows > maxPastRows)
    throw invalid(
      '/last',
      `${rows.toLocaleString('en')} deliveries were accepted in this time, and at most ${maxPastRows.toLocaleString('en')} are read: choose a shorter time, or a tenant`,
    );
}

/** The window, if its rows are still stored. */
function pastQuery(
  {
    asked,
    last,
    begin,
    now,
  }: {
    readonly asked: string;
    readonly last: Input<'now.past'>['query']['last'];
    readonly begin: number;
    readonly now: number;
  },
  scope: Omit<PastQuery, 'since' | 'at'>,
): PastQuery {
  const at = Date.parse(asked);
  if (at > now) throw invalid('/at', `is in the future: it is ${iso(now)}`);
  const since = at - lengths[last];
  if (since < begin)
    throw invalid(
      '/at',
      `rows are kept since ${iso(begin)}, and the time that is asked for begins at ${iso(since)}: choose a later moment or a shorter time`,
    );
  return { ...scope, since, at };
}
