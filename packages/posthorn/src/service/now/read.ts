import { alertEndpoint, alertTenant } from '../../domain/alert.ts';
import type { FaultDomain } from '../../domain/attempt.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { dayMs } from '../../domain/time.ts';
import { lastReconciliation } from '../../ledger/last-reconciliation.ts';
import { type Declared, readDeclared, readStatuses } from '../../reliability/evaluation.ts';

import type { Counters } from '../../store/accounting.ts';
import { everything } from '../../store/accounting.ts';
import type { OverviewQuery } from '../../store/overview.ts';
import type { Store } from '../../store/store.ts';
import type { ServiceDependencies } from '../dependencies.ts';
import type { NowEndpoint, NowFacts, Sends, TeamBudget } from './facts.ts';
import { Latest } from './latest.ts';

/** Pending deliveries that are read one by one: 10,000 take some 15 ms. */
const maxPendingRead = 10_000;
const maxUnmatched = 20;
/** Objectives are evaluated by the minute. */
const objectivesEveryMs = 60_000;
const endingSoonMs = 7 * dayMs;
const maxKeys = 1000;

/** The parameters of an overview. */
export interface NowScope extends Pick<OverviewQuery, 'tenants' | 'exceptTenant' | 'endpointIds'> {
  readonly last: '1h' | '24h' | '7d' | '30d';
  readonly since: number;
  readonly until: number;
}

type Objectives = Pick<NowFacts, 'budgets' | 'sends' | 'target'>;
const sides: readonly FaultDomain[] = ['sender', 'receiver'];

/** What each team has left, and how its events fare. */
async function readObjectives(store: Store, { objectives }: Declared, now: number): Promise<Objectives> {
  const timed = objectives.filter(({ kind }) => kind === 'delivered_within');
  const statuses = await readStatuses(store.read, timed, now);
  const budgets = new Map<string, TeamBudget>();
  const sends = new Map<string, Sends>();
  for (const objective of timed) {
    const { by, due } = statuses.get(objective.name)!;
    const teams = { sender: objective.producer, receiver: objective.consumer };
    for (const side of sides) {
      const team = teams[side];
      const left = by[side].budgetRemaining;
      if (team === null || left === null) continue;
      const before = budgets.get(team);
      if (before === undefined || left < before.left) budgets.set(team, { left, objective: objective.name });
    }
    if (teams.sender === null) continue;
    const before = sends.get(teams.sender) ?? { due: 0, bad: 0 };
    sends.set(teams.sender, { due: before.due + due, bad: before.bad + by.sender.bad });
  }
  const targets = timed.map(({ target }) => target);
  return { budgets, sends, target: targets.length === 0 ? null : Math.max(...targets) };
}

function toNowEndpoint(endpoint: Endpoint, failing: ReadonlyMap<string, number>): NowEndpoint {
  const { id, tenant, owner, url, enabled, pausedReason, updatedAt } = endpoint;
  return {
    id,
    tenant,
    host: new URL(url).host,
    owner,
    isEnabled: enabled,
    pausedReason,
    updatedAt,
    failingSince: failing.get(id) ?? null,
  };
}

type Counts = Pick<
  NowFacts,
  'counters' | 'worth' | 'worthWithin' | 'pending' | 'reconciliation' | 'alerts' | 'unmatched' | 'teams'
> & { readonly failing: ReadonlyMap<string, number> };

/** Reads what the store says of deliveries, alerts and teams. */
async function readCounts(store: Store, within: OverviewQuery): Promise<Counts> {
  const [counters, worth, worthWithin, pending, reconciliation, stored, unmatched, open, teams] =
    await Promise.all([
      store.read.accountingBy({ ...everything, ...within }, 'endpoint'),
      store.read.worth({ ...within, since: null, until: null }),
      store.read.worth(within),
      store.read.pendingWorth(within, maxPendingRead),
      lastReconciliation(store.read),
      store.read.alerts(),
      within.endpointIds === null ? store.read.unmatchedTypes(within, maxUnmatched) : [],
      store.read.openBreakers(),
      store.read.documents('team'),
    ]);
  return {
    counters: new Map(counters.map(({ key, ...counts }): [string, Counters] => [String(key), counts])),
    worth,
    worthWithin,
    pending,
    reconciliation,
    alerts: stored.alerts,
    unmatched,
    teams: new Set(teams.map(({ name }) => name)),
    failing: new Map(open.map(({ endpointId, openSince }) => [endpointId, openSince])),
  };
}

function isInScope(
  { tenant, id }: Pick<Endpoint, 'tenant' | 'id'>,
  { tenants, exceptTenant, endpointIds }: NowScope,
): boolean {
  return (
    (tenants === undefined ? tenant !== exceptTenant : tenants.includes(tenant)) &&
    endpointIds?.includes(id) !== false
  );
}

/** Reads the input of an overview: sums of counters, bounded reads, and declarations, cached while they do not change. */
export function nowReader({
  store,
  clock,
  unstoredAlerts,
}: Pick<ServiceDependencies, 'store' | 'clock' | 'unstoredAlerts'>): (scope: NowScope) => Promise<NowFacts> {
  let declared: { readonly version: number; readonly value: Promise<Declared> } | null = null;
  const objectives = new Latest<Objectives>(clock, objectivesEveryMs, 1);

  const readDeclarations = async (): Promise<Declared> => {
    const version = await store.read.configVersion();
    if (declared?.version !== version) {
      const value = readDeclared(store.read);
      declared = { version, value };
      value.catch(() => (declared = null));
    }
    return await declared.value;
  };

  return async (scope) => {
    const now = clock.now();
    const { last, since, until, ...of } = scope;
    const isEverything = of.tenants === undefined && of.endpointIds === null;
    const all = await readDeclarations();
    const read = await readCounts(store, { ...of, since, until, now });
    const endpoints = new Map(
      all.endpoints
        .filter((endpoint) => isInScope(endpoint, scope))
        .map((endpoint) => [endpoint.id, toNowEndpoint(endpoint, read.failing)]),
    );
    const { budgets, sends, target } = await objectives.get('', () => readObjectives(store, all, now));
    return {
      now,
      last,
      isEverything,
      endpoints,
      counters: read.counters,
      worth: read.worth,
      worthWithin: read.worthWithin,
      pending: read.pending,
      reconciliation: read.reconciliation,
      alerts: [...unstoredAlerts(), ...read.alerts].filter((alert) => {
        if (alert.state !== 'firing') return false;
        const about = alertEndpoint(alert);
        return about === null ? isEverything : endpoints.has(about);
      }),
      unmatched: read.unmatched,
      teams: read.teams,
      // Objectives cover more than a part.
      budgets: isEverything ? budgets : new Map(),
      sends: isEverything ? sends : new Map(),
      target,
      ...(isEverything
        ? await readHouse(store, { since, until, now })
        : { brokenChannels: [], endingKeys: 0 }),
    };
  };
}

/** Problems with Posthorn's own channels and keys. */
async function readHouse(
  store: Store,
  { since, until, now }: Pick<OverviewQuery, 'since' | 'until' | 'now'>,
): Promise<Pick<NowFacts, 'brokenChannels' | 'endingKeys'>> {
  const [own, channels, keys] = await Promise.all([
    store.read.worth({ tenants: [alertTenant], endpointIds: null, since, until, now }),
    store.read.documents('channel'),
    store.read.keys({ after: null, limit: maxKeys }),
  ]);
  const broken = new Set(own.filter(({ dead }) => dead.count > 0).map(({ endpointId }) => endpointId));
  return {
    brokenChannels: channels
      .filter(({ document }) => broken.has(document.endpointId))
      .map(({ name }) => name),
    endingKeys: keys.filter(
      ({ expiresAt }) => expiresAt !== null && expiresAt > now && expiresAt - now < endingSoonMs,
    ).length,
  };
}
