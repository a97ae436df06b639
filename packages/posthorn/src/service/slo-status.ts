import { notFound } from '../domain/errors.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { readDeclared, readStatuses } from '../reliability/evaluation.ts';
import { everything, unaccountedOf } from '../store/accounting.ts';
import type { Store } from '../store/store.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { accountedStatus, type Status, timedStatus } from './objective-status.ts';

/** The status of objectives. */
export function sloStatusService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<'slos.status'> {
  return {
    'slos.status': async ({ params: { name } }) => {
      const objective = await requireObjective(store, name);
      const now = clock.now();
      if (objective.kind === 'delivered_within')
        return timedStatus(objective, (await readStatuses(store.read, [objective], now)).get(name)!, now);
      let total = 0;
      let missing = 0;
      for (const { id } of objective.endpoints) {
        const counts = await store.read.accounting({ ...everything, endpointIds: [id], now });
        total += counts.accepted;
        missing += Math.max(0, unaccountedOf(counts));
      }
      // The reconciler reads every row; this reads counters.
      const bad = Math.min(total, Math.max(missing, await unaccountedIn(store, objective)));
      return accountedStatus(objective, total, bad, now);
    },
  };
}

export async function requireObjective(store: Store, name: string): Promise<ScopedObjective> {
  const { objectives } = await readDeclared(store.read);
  const objective = objectives.find((one) => one.name === name);
  if (objective === undefined) throw notFound('objective by that name');
  return objective;
}

/** The same for many, from counters and the last reconciliation: no rows are counted. */
export async function readStatusesFor(
  store: Store,
  objectives: readonly ScopedObjective[],
  now: number,
): Promise<ReadonlyMap<string, Status>> {
  const timed = await readStatuses(store.read, objectives, now);
  const statuses = new Map<string, Status>();
  for (const objective of objectives) {
    const status = timed.get(objective.name);
    if (status !== undefined) statuses.set(objective.name, timedStatus(objective, status, now));
  }
  const accounted = objectives.filter(({ kind }) => kind === 'accounted');
  if (accounted.length === 0) return statuses;
  const groups = await store.read.accountingBy({ ...everything, now }, 'endpoint');
  const accepted = new Map(groups.map((group) => [group.key, group.accepted]));
  for (const objective of accounted) {
    const total = objective.endpoints.reduce((sum, { id }) => sum + (accepted.get(id) ?? 0), 0);
    const bad = Math.min(total, await unaccountedIn(store, objective));
    statuses.set(objective.name, accountedStatus(objective, total, bad, now));
  }
  return statuses;
}

/** What the reconciler found unaccounted, unless it was only at other endpoints. */
async function unaccountedIn(store: Store, { endpoints }: ScopedObjective): Promise<number> {
  const { alerts } = await store.read.alerts();
  const found = alerts.find(({ rule, state }) => rule === 'unaccounted' && state !== 'resolved');
  if (found === undefined) return 0;
  const { unaccounted, endpoint_ids: where } = found.evidence;
  if (Array.isArray(where) && where.length > 0 && !endpoints.some(({ id }) => where.includes(id))) return 0;
  return Number(unaccounted ?? 0);
}
