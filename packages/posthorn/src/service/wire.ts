import type { WireRetry } from '../contract/legacy-schemas.ts';
import type { AccountingKey } from '../domain/accounting.ts';
import { faultDomain, type FaultDomain } from '../domain/attempt.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Receipt } from '../domain/event.ts';
import { deliveryId } from '../domain/ids.ts';
import { latencyQuantile } from '../domain/latency.ts';
import { exactMinor } from '../domain/money.ts';
import type { RetryPolicy } from '../domain/retry-policy.ts';
import { wilson } from '../domain/statistics.ts';
import type { AttemptRecord, DeadLetterGroup, DeliveryRecord } from '../store/store.ts';
import {
  type AccountingCounts,
  type AccountingGroup,
  type Money,
  unaccountedOf,
} from '../store/accounting.ts';

// From the domain's words to the wire's: one place for each resource.

export function iso(time: number): string {
  return new Date(time).toISOString();
}

export const isoOrNull = (time: number | null): string | null => (time === null ? null : iso(time));

/** A clock that has jumped is no reason not to accept: it is shown, and `ready` stays as it is. */
export function wireClock({ jump, doubtedMs, believedInMs }: ClockStatus): Record<string, unknown> {
  return {
    state: doubtedMs > 0 ? 'doubted' : jump === null ? 'ok' : 'jumped',
    ...(jump === null ? {} : { jumped_at: iso(jump.at), jumped_by_s: Math.round(jump.byMs / 1000) }),
    ...(doubtedMs > 0
      ? {
          ahead_of_lived_time_s: Math.round(doubtedMs / 1000),
          believed_in_s: Math.round(believedInMs / 1000),
        }
      : {}),
  };
}

export function wireReceipt(receipt: Receipt): Record<string, unknown> {
  const { id, tenant, type, acceptedAt, deliveries, suppressed, duplicate } = receipt;
  return { id, tenant, type, accepted_at: iso(acceptedAt), deliveries, suppressed, duplicate };
}

const overrideNames = {
  timeoutMs: 'timeout_ms',
  deliverWithinMs: 'deliver_within_s',
  retry: 'retry',
} as const;

export function wireRetry({ backoff, jitter, giveUpAfterMs }: RetryPolicy): WireRetry {
  return {
    ...(backoff.kind === 'schedule'
      ? { schedule_s: backoff.delaysMs.map((ms) => ms / 1000) }
      : {
          exponential: {
            base_s: backoff.baseMs / 1000,
            factor: backoff.factor,
            max_s: backoff.maxMs / 1000,
            attempts: backoff.attempts,
          },
        }),
    jitter,
    give_up_after_s: giveUpAfterMs / 1000,
  };
}

function wireBreaker(openSince: number | null): Record<string, unknown> {
  return { state: openSince === null ? 'closed' : 'open', since: isoOrNull(openSince) };
}

/** What attempts have found out about a receiver; it stands in readings only. */
export function wireHealth(openSince: number | null, throttledUntil: number | null): Record<string, unknown> {
  return { breaker: wireBreaker(openSince), throttled_until: isoOrNull(throttledUntil) };
}

export function wireEndpoint(e: Endpoint): Record<string, unknown> {
  return {
    id: e.id,
    tenant: e.tenant,
    // A channel's URL is as good as a password.
    url: e.envelope === 'none' ? new URL(e.url).host : e.url,
    event_types: e.eventTypes,
    description: e.description,
    owner: e.owner,
    template: e.template,
    template_version: e.templateVersion,
    overrides: e.own.map((field) => overrideNames[field]),
    // Write-only: null says that one is set, and null sent back keeps it.
    headers: Object.fromEntries(Object.keys(e.headers).map((name) => [name, null])),
    timeout_ms: e.timeoutMs,
    max_in_flight: e.maxInFlight,
    rate_limit_per_s: e.rateLimitPerS,
    ordering: e.ordering,
    filter: e.filter,
    retry: wireRetry(e.retry),
    deliver_within_s: e.deliverWithinMs / 1000,
    enabled: e.enabled,
    paused_reason: e.pausedReason,
    created_at: iso(e.createdAt),
    updated_at: iso(e.updatedAt),
  };
}

export function wireDelivery(d: DeliveryRecord): Record<string, unknown> {
  return {
    id: deliveryId(d.number),
    event_id: d.eventId,
    event_type: d.eventType,
    tenant: d.tenant,
    endpoint_id: d.endpointId,
    state: d.state,
    attempts: d.attempts,
    due_at: isoOrNull(d.dueAt),
    created_at: iso(d.createdAt),
    settled_at: isoOrNull(d.settledAt),
    reason: d.reason,
    last_error:
      d.lastErrorClass === null
        ? null
        : { class: d.lastErrorClass, status_code: d.lastStatusCode, message: d.lastMessage },
  };
}

export function wireAttempt(a: AttemptRecord): Record<string, unknown> {
  return {
    n: a.n,
    started_at: iso(a.startedAt),
    duration_ms: a.durationMs,
    status_code: a.statusCode,
    outcome: a.outcome,
    error_class: a.errorClass,
    message: a.message,
    response_excerpt: a.responseExcerpt,
    trigger: a.trigger,
    node: a.node,
  };
}

export function wireMoney({ currency, amountMinor, events }: Money): {
  currency: string;
  amount_minor: number | string;
  events: number;
} {
  return { currency, amount_minor: exactMinor(amountMinor), events };
}

export function wireDeadLetters(g: DeadLetterGroup): Record<string, unknown> {
  return {
    endpoint_id: g.endpointId,
    owner: g.owner,
    error_class: g.errorClass,
    count: g.count,
    oldest_at: iso(g.oldestAt),
    value_at_risk: g.valueAtRisk.map(wireMoney),
  };
}

function failuresOf({ failures }: AccountingCounts, domain: FaultDomain): number {
  return failures
    .filter(({ errorClass }) => faultDomain(errorClass) === domain)
    .reduce((sum, { count }) => sum + count, 0);
}

/** A group of counters. What is pending is among `accepted` and in no other. */
export function wireTally(group: AccountingGroup, by: AccountingKey): Record<string, unknown> {
  const { key, accepted, delivered, dead, cancelled, suppressed, late, superseded } = group;
  const drops = dead + suppressed;
  return {
    [by]: typeof key === 'number' ? iso(key) : key,
    accepted,
    delivered,
    dead,
    cancelled,
    suppressed,
    late,
    superseded_attempts: superseded,
    drop_rate: accepted === 0 ? 0 : drops / accepted,
    drop_rate_interval: wilson(drops, accepted),
    first_attempt_success_rate:
      group.firstAttempts === 0 ? null : group.firstAttemptDelivered / group.firstAttempts,
  };
}

export function wireAccounting(c: AccountingCounts): Record<string, unknown> {
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
    drop_rate: c.accepted === 0 ? 0 : drops / c.accepted,
    drop_rate_interval: wilson(drops, c.accepted),
    first_attempt_success_rate: c.firstAttempts === 0 ? null : c.firstAttemptDelivered / c.firstAttempts,
    failures: {
      by_class: Object.fromEntries(c.failures.map(({ errorClass, count }) => [errorClass, count])),
      by_fault_domain: {
        ours: failuresOf(c, 'ours'),
        receiver: failuresOf(c, 'receiver'),
      },
    },
    latency_ms: {
      p50: latencyQuantile(c.latency, 0.5),
      p95: latencyQuantile(c.latency, 0.95),
      p99: latencyQuantile(c.latency, 0.99),
    },
    value_at_risk: c.valueAtRisk.map(wireMoney),
  };
}
