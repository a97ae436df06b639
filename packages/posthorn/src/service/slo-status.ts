import type { Answer } from '../contract/table.ts';
import { notFound } from '../domain/errors.ts';
import type { FaultDomain } from '../domain/attempt.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import { wilson } from '../domain/statistics.ts';
import { dayMs } from '../domain/time.ts';
import { readDeclared, readStatuses } from '../reliability/judge.ts';
import type { ObjectiveStatus } from '../reliability/objective-status.ts';
import { everything, unaccountedOf } from '../store/accounting.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';

type Status = Answer<'slos.status'>;
type Side = Status['sides']['sender'];

const maxWorst = 10;

/** How objectives stand. */
export function sloStatusService({
  store,
  clock,
}: Pick<ServiceDependencies, 'store' | 'clock'>): Handlers<'slos.status'> {
  /** What was accepted and is in no state is the sender's fault alone. */
  const accountedStatus = async (objective: ScopedObjective): Promise<Status> => {
    let total = 0;
    let missing = 0;
    for (const { id } of objective.endpoints) {
      const counts = await store.accounting({ ...everything, endpointIds: [id], now: clock.now() });
      total += counts.accepted;
      missing += Math.max(0, unaccountedOf(counts));
    }
    // The reconciler reads every row, where this reads counters.
    const { alerts } = await store.alerts();
    const found = alerts.find(({ rule, state }) => rule === 'unaccounted' && state !== 'resolved');
    const bad = Math.min(total, Math.max(missing, Number(found?.evidence['residue'] ?? 0)));
    const empty = { burn: [], slow_leak: false, endpoints: [] };
    const sli = shareOf(total - bad, total);
    return wireStatus(objective, total - bad, total, {
      sender: { ...empty, team: objective.producer, bad, sli, budget_remaining: sli && (bad === 0 ? 1 : 0) },
      receiver: { ...empty, team: objective.consumer, bad: 0, sli: sli && 1, budget_remaining: sli && 1 },
    });
  };

  return {
    'slos.status': async ({ params: { name } }) => {
      const { objectives } = await readDeclared(store);
      const objective = objectives.find((one) => one.name === name);
      if (objective === undefined) throw notFound('objective by that name');
      if (objective.kind === 'accounted') return await accountedStatus(objective);
      const status = (await readStatuses(store, [objective], clock.now())).get(name)!;
      return wireStatus(objective, status.good, status.due, {
        sender: wireSide(status, 'sender', objective.producer),
        receiver: wireSide(status, 'receiver', objective.consumer),
      });
    },
  };
}

const shareOf = (good: number, total: number): number | null => (total === 0 ? null : good / total);

function wireStatus(objective: ScopedObjective, good: number, total: number, sides: Status['sides']): Status {
  const sli = shareOf(good, total);
  return {
    name: objective.name,
    objective: objective.kind,
    target: objective.target,
    window_days: objective.windowMs / dayMs,
    template: objective.template,
    endpoints: objective.endpoints.length,
    kept: sli === null || sli >= objective.target,
    sli,
    sli_interval: wilson(good, total),
    good,
    total,
    sides,
  };
}

/** `5m`, `6h`, `3d`. */
function span(ms: number): string {
  const minutes = ms / 60_000;
  return minutes < 60 ? `${minutes}m` : minutes < 1440 ? `${minutes / 60}h` : `${minutes / 1440}d`;
}

function wireSide({ by, worst }: ObjectiveStatus, domain: FaultDomain, team: string | null): Side {
  const { bad, sli, budgetRemaining, burn, leaks } = by[domain];
  return {
    team,
    bad,
    sli,
    budget_remaining: budgetRemaining,
    burn: burn.map(({ rule, rateLong, rateShort, evidence }) => ({
      rule: rule.name,
      severity: rule.severity,
      long: span(rule.longMs),
      short: span(rule.shortMs),
      factor: rule.factor,
      rate_long: rateLong,
      rate_short: rateShort,
      firing: evidence.firing,
    })),
    slow_leak: leaks.some(({ evidence }) => evidence.firing),
    endpoints: worst
      .filter(({ counts }) => counts.badBy[domain] > 0)
      .toSorted((a, b) => b.counts.badBy[domain] - a.counts.badBy[domain])
      .slice(0, maxWorst)
      .map(({ endpointId, counts }) => ({
        endpoint_id: endpointId,
        bad: counts.badBy[domain],
        total: counts.due,
      })),
  };
}
