import type { FastifyInstance } from 'fastify';
import type { ScopedObjective } from '../../domain/objective.ts';
import { wilson } from '../../domain/statistics.ts';
import { conformanceOf } from '../../reliability/conformance.ts';
import { readDeclared, readStatuses } from '../../reliability/judge.ts';
import type { DomainStatus, ObjectiveStatus } from '../../reliability/objective-status.ts';
import { pageQuery, type WireEventType } from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf } from '../../service/paging.ts';
import { notFound } from '../../domain/errors.ts';
import { everything, unaccountedOf } from '../../store/accounting.ts';
import { dayMs } from '../../domain/time.ts';

const seenWithinMs = 30 * dayMs;
const worstMost = 10;

/** `5m`, `6h`, `3d`. */
function span(ms: number): string {
  const minutes = ms / 60_000;
  return minutes < 60 ? `${minutes}m` : minutes < 1440 ? `${minutes / 60}h` : `${minutes / 1440}d`;
}

function wireSide({ bad, sli, budgetRemaining, burn, leaks }: DomainStatus): Record<string, unknown> {
  return {
    bad,
    sli,
    error_budget_remaining: budgetRemaining,
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
  };
}

function wireHead(objective: ScopedObjective): Record<string, unknown> {
  const { name, kind, target, windowMs, producer, consumer, template, endpoints } = objective;
  return {
    name,
    objective: kind,
    target,
    window_days: windowMs / dayMs,
    producer,
    consumer,
    template,
    endpoints: endpoints.length,
  };
}

function wireStatus(objective: ScopedObjective, status: ObjectiveStatus): Record<string, unknown> {
  const { due, good, sli, interval, by, worst } = status;
  const ours = wireSide(by.ours);
  return {
    ...wireHead(objective),
    sli,
    sli_interval: interval,
    good,
    total: due,
    // The shared budget: a broken receiver spends its own, and is told so.
    error_budget_remaining: ours['error_budget_remaining'],
    burn: ours['burn'],
    by_fault_domain: {
      ours,
      receiver: {
        ...wireSide(by.receiver),
        endpoints: worst
          .filter(({ counts }) => counts.badBy.receiver > 0)
          .slice(0, worstMost)
          .map(({ endpointId, counts }) => ({
            endpoint_id: endpointId,
            bad: counts.badBy.receiver,
            total: counts.due,
          })),
      },
    },
  };
}

/** How objectives stand, and who has none. */
export function objectiveRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, clock } = deps;

  /** Target 1: everything accepted is in some state, or waits for its time. */
  const accountedStatus = async (objective: ScopedObjective): Promise<Record<string, unknown>> => {
    let total = 0;
    let bad = 0;
    for (const { id } of objective.endpoints) {
      const counts = await store.accounting({ ...everything, endpointId: id, now: clock.now() });
      total += counts.accepted;
      bad += Math.max(0, unaccountedOf(counts));
    }
    // What the reconciler has found looks at every row, where this looks at counters.
    const { alerts } = await store.alerts();
    const found = alerts.find(({ rule, state }) => rule === 'unaccounted' && state !== 'resolved');
    const residue = Number(found?.evidence['residue'] ?? 0);
    bad = Math.min(total, Math.max(bad, residue));
    const sli = total === 0 ? null : 1 - bad / total;
    const side = {
      bad,
      sli,
      error_budget_remaining: total === 0 ? null : bad === 0 ? 1 : 0,
      burn: [],
      slow_leak: false,
    };
    return {
      ...wireHead(objective),
      sli,
      sli_interval: wilson(total - bad, total),
      good: total - bad,
      total,
      error_budget_remaining: side.error_budget_remaining,
      burn: [],
      by_fault_domain: {
        ours: side,
        receiver: { ...side, bad: 0, sli: total === 0 ? null : 1, endpoints: [] },
      },
    };
  };

  app.get('/v1/slos/:name/status', async (request) => {
    const { objectives } = await readDeclared(store);
    const objective = objectives.find(({ name }) => name === params(request)['name']);
    if (objective === undefined) throw notFound('objective by that name');
    if (objective.kind === 'accounted') return await accountedStatus(objective);
    const statuses = await readStatuses(store, [objective], clock.now());
    return wireStatus(objective, statuses.get(objective.name)!);
  });

  app.get('/v1/conformance', async (request) => {
    const page = parse(pageQuery, request.query);
    const { endpoints, objectives } = await readDeclared(store);
    const now = clock.now();
    const seen = await store.accountingBy({ ...everything, since: now - seenWithinMs, now }, 'event_type');
    const declared = new Map(
      (await store.documents('event_type')).map(({ name, document }) => {
        const { owner, template } = document as WireEventType;
        return [name, { owner, template }];
      }),
    );
    const { total, items } = conformanceOf({
      endpoints,
      objectives,
      seen: seen.map(({ key }) => String(key)),
      declared,
    });
    return {
      total,
      conforming: total - items.length,
      ...pageOf(items, page, ({ kind, tenant, id }) => [kind, tenant ?? '', id]),
    };
  });
}
