import type { Endpoint } from '../domain/endpoint.ts';
import { exactMinor } from '../domain/money.ts';
import type { RetryDocument, RetryPolicy } from '../domain/retry-policy.ts';
import type { Money } from '../store/accounting.ts';

// From the domain's words to the wire's: one place for each resource.

export function iso(time: number): string {
  return new Date(time).toISOString();
}

export const isoOrNull = (time: number | null): string | null => (time === null ? null : iso(time));

const overrideNames = {
  timeoutMs: 'timeout_ms',
  deliverWithinMs: 'deliver_within_s',
  retry: 'retry',
} as const;

export function wireRetry({ backoff, jitter, giveUpAfterMs }: RetryPolicy): RetryDocument {
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
    name: e.name,
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

export function wireMoney({ currency, amountMinor, events }: Money): {
  currency: string;
  amount_minor: number | string;
  events: number;
} {
  return { currency, amount_minor: exactMinor(amountMinor), events };
}
