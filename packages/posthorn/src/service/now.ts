import type { Answer } from '../contract/table.ts';
import { latencyQuantile } from '../domain/latency.ts';
import { wilson } from '../domain/statistics.ts';
import { dayMs, hourMs, iso } from '../domain/time.ts';
import { countedWindow } from '../store/folding.ts';
import type { Store } from '../store/store.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers } from './handler.ts';
import type { NowFacts } from './now/facts.ts';
import { Latest } from './now/latest.ts';
import type { Need } from './now/endpoint-need.ts';
import { nowNeeds, wireNeed, withSamples } from './now/needs.ts';
import { nowReader, type NowScope } from './now/read.ts';
import { nowSentence } from './now/sentence.ts';
import { nowTeams } from './now/teams.ts';
import { computeTotals } from './now/totals.ts';
import { wireMoney } from './wire.ts';

type Now = Answer<'now.get'>;

const everyMs = 1000;
/** Tenants and endpoints with concurrent overviews, each cached for its next reader. */
const maxScopes = 200;
const maxNeeds = 7;
const maxIds = 20;

const lengths = { '1h': hourMs, '24h': dayMs, '7d': 7 * dayMs, '30d': 30 * dayMs } as const;

/** Get the overview: computed at most once per second for all callers that ask for the same. */
export function nowService(deps: ServiceDependencies): Handlers<'now.get'> {
  const { store, clock } = deps;
  const latest = new Latest<Now>(clock, everyMs, maxScopes);
  const read = nowReader(deps);

  const make = async (scope: NowScope): Promise<Now> => {
    const facts = await read(scope);
    const needs = nowNeeds(facts);
    const [shown, latency] = await Promise.all([
      Promise.all(needs.slice(0, maxNeeds).map((need) => sampled(store, need, facts.now))),
      readLatency(store, scope, facts.now),
    ]);
    return wireNow(facts, scope, shown, needs, latency);
  };

  return {
    'now.get': async ({ query: { tenant, endpoint_id: references, last } }) => {
      const endpointIds =
        references === undefined ? null : await endpointIdsFrom(store.read, references, tenant);
      const asked = { ...tenantsFrom(tenant, references !== undefined), endpointIds };
      return await latest.get(JSON.stringify([asked, last]), async () => {
        const until = clock.now();
        return await make({ ...asked, last, since: until - lengths[last], until });
      });
    },
  };
}

/** Dead letters state why themselves: the oldest and the newest of one endpoint are found by their index. */
async function sampled(store: Store, need: Need, now: number): Promise<Need> {
  if (need.kind !== 'dead_letters' || need.endpoint_id === null) return need;
  const filter = { endpointIds: [need.endpoint_id], states: ['dead'] } as const;
  const [[oldest], [newest]] = await Promise.all([
    store.read.deliveries(filter, { after: null, limit: 1, order: 'asc' }),
    store.read.deliveries(filter, { after: null, limit: 1, order: 'desc' }),
  ]);
  return oldest === undefined || newest === undefined ? need : withSamples(need, oldest, newest, now);
}

async function readLatency(store: Store, scope: NowScope, now: number): Promise<Now['latency_ms']> {
  const { tenants, exceptTenant, endpointIds } = scope;
  const { since, until } = countedWindow({ ...scope, now });
  const step = until! - since! > 25 * hourMs ? 'day' : 'hour';
  const { rows } = await store.read.latencySeries({
    ...(tenants === undefined ? {} : { tenants }),
    ...(exceptTenant === undefined ? {} : { exceptTenant }),
    endpointIds,
    since: since!,
    until: until!,
    eventTypes: null,
    owners: null,
    now,
    step,
    by: 'none',
    maxSeries: 1,
  });
  const sums = new Map<number, number>();
  for (const { bucket, count } of rows) sums.set(bucket, (sums.get(bucket) ?? 0) + count);
  const histogram = [...sums].map(([bucket, count]) => ({ bucket, count }));
  return { p50: latencyQuantile(histogram, 0.5), p99: latencyQuantile(histogram, 0.99) };
}

function wireNow(
  facts: NowFacts,
  scope: NowScope,
  shown: readonly Need[],
  needs: readonly Need[],
  latency: Now['latency_ms'],
): Now {
  const totals = computeTotals(facts);
  const { equation, inTime } = totals;
  const window = countedWindow({ ...scope, now: facts.now });
  const due = Math.max(0, inTime.due);
  const good = Math.min(inTime.good, due);
  return {
    at: iso(facts.now),
    ...nowSentence(facts, totals, needs),
    window: { since: iso(window.since!), until: iso(window.until!), resolution: window.resolution },
    ledger: { ...equation },
    pending_read: { rows: facts.pending.read, complete: facts.pending.isComplete },
    reconciled: wireReconciled(facts),
    earlier: totals.earlier,
    in_time: {
      good,
      due,
      share: due === 0 ? null : good / due,
      interval: wilson(good, due),
      target: facts.target,
    },
    latency_ms: latency,
    at_risk: {
      dead: totals.dead.list().map(wireMoney),
      suppressed: totals.suppressed.list().map(wireMoney),
      late_pending: totals.late.list().map(wireMoney),
      late_pending_count: totals.lateCount,
      unknown: totals.dead.unknown + totals.suppressed.unknown + totals.late.unknown,
    },
    teams: nowTeams(facts),
    needs: shown.map(wireNeed),
    more_needs: needs.length - shown.length,
    endpoints: facts.endpoints.size,
  };
}

/** An overview of a part reports what was found in that part alone. */
function wireReconciled({ reconciliation, isEverything, endpoints }: NowFacts): Now['reconciled'] {
  if (reconciliation === null) return null;
  const own = isEverything
    ? reconciliation.endpoints
    : reconciliation.endpoints.filter(({ id }) => endpoints.has(id));
  const findings = reconciliation.findings.filter(
    ({ endpointId }) => isEverything || (endpointId !== null && endpoints.has(endpointId)),
  );
  const ids = findings.map(
    ({ deliveryId, eventId, endpointId }) => deliveryId ?? eventId ?? endpointId ?? 'unknown',
  );
  return {
    at: iso(reconciliation.at),
    balanced: isEverything ? reconciliation.balanced : own.length === 0 && findings.length === 0,
    unaccounted: isEverything
      ? reconciliation.unaccounted
      : own.reduce((sum, { unaccounted }) => sum + Math.abs(unaccounted), 0),
    rows_read: isEverything ? reconciliation.rowsRead : null,
    ids: [...new Set([...ids, ...own.map(({ id }) => id)])].slice(0, maxIds),
  };
}
