import type { Answer } from '../contract/table.ts';
import type { AccountingKey } from '../domain/accounting.ts';
import { faultDomain, type FaultDomain } from '../domain/attempt.ts';
import { latencyQuantile } from '../domain/latency.ts';
import { wilson } from '../domain/statistics.ts';
import { iso, isoOrNull } from '../domain/time.ts';
import { type AccountingCounts, type AccountingGroup, unaccountedOf } from '../store/accounting.ts';
import { type CountedWindow, countedWindow } from '../store/folding.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';
import { wireMoney } from './wire.ts';

type Accounting = Answer<'accounting.get'>;
type Group = NonNullable<Accounting['groups']>[number];

/** What became of everything that was accepted. */
export function accountingService({ store, clock }: ServiceDependencies): Handlers<Of<'accounting'>> {
  return {
    'accounting.get': async ({ query: { by, limit, cursor, ...asked } }) => {
      const { tenant, endpoint_id: references } = asked;
      const query = {
        ...tenantsFrom(tenant, references !== undefined),
        endpointIds: references === undefined ? null : await endpointIdsFrom(store.read, references, tenant),
        eventTypes: asked.event_type ?? null,
        owners: asked.owner ?? null,
        since: asked.since === undefined ? null : Date.parse(asked.since),
        until: asked.until === undefined ? null : Date.parse(asked.until),
        now: clock.now(),
      };
      const window = wireWindow(countedWindow(query));
      const [counts, groups] = await Promise.all([
        store.read.accounting(query),
        by === undefined ? null : store.read.accountingBy(query, by),
      ]);
      const totals = { window, ...wireAccounting(counts) };
      if (by === undefined || groups === null) return totals;
      // Times in ascending order; everything else largest first.
      const { items, next_cursor } = toPage(groups, { limit, cursor }, ({ key, accepted }) =>
        typeof key === 'number' ? [key] : [-accepted, key ?? ''],
      );
      return { ...totals, groups: items.map((group) => wireGroup(group, by)), next_cursor };
    },
  };
}

function countFailures({ failures }: AccountingCounts, domain: FaultDomain): number {
  return failures
    .filter(({ errorClass }) => faultDomain(errorClass) === domain)
    .reduce((sum, { count }) => sum + count, 0);
}

const rateOrNull = (good: number, total: number): number | null => (total === 0 ? null : good / total);

/** A group of counters. Pending deliveries are in `accepted` and in no other. */
function wireGroup(group: AccountingGroup, by: AccountingKey): Group {
  const { key, accepted, dead, suppressed } = group;
  const drops = dead + suppressed;
  return {
    [by]: typeof key === 'number' ? iso(key) : key,
    accepted,
    delivered: group.delivered,
    dead,
    cancelled: group.cancelled,
    suppressed,
    late: group.late,
    superseded_attempts: group.superseded,
    drop_rate: rateOrNull(drops, accepted) ?? 0,
    drop_rate_interval: wilson(drops, accepted),
    first_attempt_success_rate: rateOrNull(group.firstAttemptDelivered, group.firstAttempts),
  };
}

function wireWindow({ since, until, resolution }: CountedWindow): Accounting['window'] {
  return { since: isoOrNull(since), until: isoOrNull(until), resolution };
}

function wireAccounting(c: AccountingCounts): Omit<Accounting, 'window'> {
  const unaccounted = unaccountedOf(c);
  const drops = c.dead + c.suppressed + Math.max(0, unaccounted);
  return {
    events: c.events,
    unmatched: c.unmatched,
    accepted: c.accepted,
    delivered: c.delivered,
    pending: c.pending,
    dead: c.dead,
    cancelled: c.cancelled,
    suppressed: c.suppressed,
    unaccounted,
    overdue: c.overdue,
    late: c.late,
    superseded_attempts: c.supersededAttempts,
    drop_rate: rateOrNull(drops, c.accepted) ?? 0,
    drop_rate_interval: wilson(drops, c.accepted),
    first_attempt_success_rate: rateOrNull(c.firstAttemptDelivered, c.firstAttempts),
    failures: {
      by_class: Object.fromEntries(c.failures.map(({ errorClass, count }) => [errorClass, count])),
      by_fault_domain: { sender: countFailures(c, 'sender'), receiver: countFailures(c, 'receiver') },
    },
    latency_ms: {
      p50: latencyQuantile(c.latency, 0.5),
      p95: latencyQuantile(c.latency, 0.95),
      p99: latencyQuantile(c.latency, 0.99),
    },
    value_at_risk: c.valueAtRisk.map(wireMoney),
    value_counted: { by: c.valueCounted.by, complete: c.valueCounted.isComplete },
  };
}
