import type { Answer } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { endsFailing, type Endpoint, headerPrefixes } from '../domain/endpoint.ts';
import { disablesAt } from '../domain/failing.ts';
import { blocksKeys } from '../domain/ordering.ts';
import { iso, isoOrNull, secondMs } from '../domain/time.ts';
import { concurrency } from '../engine/breaker.ts';
import type { Keyring } from '../secrets/keyring.ts';
import { sealFault } from '../secrets/sealed-values.ts';
import type { ReceiverHealth } from '../store/breakers.ts';
import { shownCertificate, shownReach } from './endpoint-reach.ts';
import { wireRetry } from './wire.ts';
import type { StoreRead } from '../store/store.ts';

/** What attempts have found out about receivers, by endpoint. */
export interface Health {
  readonly receivers: ReadonlyMap<string, ReceiverHealth>;
  /** How many ordering keys their dead letters block. */
  readonly blockedKeys: ReadonlyMap<string, number>;
}
export const noHealth: Health = { receivers: new Map(), blockedKeys: new Map() };

/** Reads what is known about the receivers of these endpoints. */
export async function readKnown(
  store: Pick<StoreRead, 'receiverHealth' | 'deadKeyCounts'>,
  endpoints: readonly Endpoint[],
  now: number,
): Promise<Health> {
  const ids = endpoints.map(({ id }) => id);
  const blocking = endpoints.filter(blocksKeys).map(({ id }) => id);
  const receivers = await store.receiverHealth(ids, now);
  const counts = blocking.length === 0 ? [] : await store.deadKeyCounts(blocking);
  return {
    receivers: new Map(receivers.map((one) => [one.endpointId, one])),
    blockedKeys: new Map(counts.map(({ endpointId, keys }) => [endpointId, keys])),
  };
}

/** After a change from `before`: what was learned about a previous URL does not apply to the current one. */
export function shownWith(
  keyring: Keyring,
  endpoint: Endpoint,
  { receivers, blockedKeys }: Health,
  before: Endpoint,
): Answer<'endpoints.get'> {
  const found = endpoint.url === before.url ? receivers.get(endpoint.id) : undefined;
  const { openSince = null, throttledUntil = null, serverCertificate = null } = found ?? {};
  const failingSince = endsFailing(before, endpoint) ? null : (found?.failingSince ?? null);
  const wire = wireEndpoint(endpoint);
  return {
    ...wire,
    certificates: [
      ...wire.certificates,
      ...(serverCertificate === null ? [] : [shownCertificate('server', serverCertificate)]),
    ],
    secrets_error: sealFault(keyring, endpoint),
    blocked_keys: blockedKeys.get(endpoint.id) ?? 0,
    breaker: { state: openSince === null ? 'closed' : 'open', since: isoOrNull(openSince) },
    last_success_at: isoOrNull(found?.contact?.lastSuccessAt ?? null),
    last_failure_at: isoOrNull(found?.contact?.lastFailureAt ?? null),
    throttled_until: isoOrNull(throttledUntil),
    failing_since: isoOrNull(failingSince),
    disables_at: isoOrNull(endpoint.enabled ? disablesAt(endpoint, failingSince) : null),
  };
}

const overrideNames = {
  timeoutMs: 'timeout_ms',
  deliverWithinMs: 'deliver_within_s',
  retry: 'retry',
} as const;

export function wireEndpoint(
  endpoint: Endpoint,
): Omit<
  Answer<'endpoints.get'>,
  | 'blocked_keys'
  | 'breaker'
  | 'last_success_at'
  | 'last_failure_at'
  | 'throttled_until'
  | 'failing_since'
  | 'disables_at'
  | 'secrets_error'
> {
  return {
    id: endpoint.id,
    name: endpoint.name,
    tenant: endpoint.tenant,
    // A channel's URL is a credential.
    url: endpoint.tenant === alertTenant ? new URL(endpoint.url).host : endpoint.url,
    event_types: [...endpoint.eventTypes],
    description: endpoint.description,
    owner: endpoint.owner,
    template: endpoint.template,
    template_version: endpoint.templateVersion,
    overrides: endpoint.own.map((field) => overrideNames[field]),
    // Write-only: null says that one is set, and null sent back keeps it.
    headers: Object.fromEntries(Object.keys(endpoint.headers).map((name) => [name, null])),
    ...shownReach(endpoint),
    timeout_ms: endpoint.timeoutMs,
    max_in_flight: concurrency(endpoint.maxInFlight, false),
    concurrency: endpoint.maxInFlight === null ? 'adaptive' : 'fixed',
    rate_limit_per_s: endpoint.rateLimitPerS,
    ordering: endpoint.ordering,
    on_dead: endpoint.onDead,
    filter: endpoint.filter,
    routing_keys: endpoint.routingKeys ?? null,
    transformation: endpoint.transformation,
    retry: wireRetry(endpoint.retry),
    deliver_within_s: endpoint.deliverWithinMs / 1000,
    body: endpoint.body,
    header_prefixes: [...headerPrefixes(endpoint)],
    signatures: [...endpoint.signatures],
    key_set: endpoint.signingKeys[0]?.keySet ?? null,
    metadata: endpoint.metadata,
    disable_after_s: endpoint.disableAfterMs === null ? null : endpoint.disableAfterMs / secondMs,
    enabled: endpoint.enabled,
    paused_reason: endpoint.pausedReason,
    created_at: iso(endpoint.createdAt),
    updated_at: iso(endpoint.updatedAt),
  };
}
