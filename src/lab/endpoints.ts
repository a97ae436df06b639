import type { Endpoint } from '../domain/endpoint.ts';
import { defaultRetryPolicy } from '../domain/retry-policy.ts';
import { newSecret } from '../signing/standard-webhooks.ts';
import type { LabEndpoint } from './scenario.ts';
import type { SeededRandom } from '../runtime/seeded-random.ts';
import { endpointUrl } from './transport.ts';
import { worldBegins } from './virtual-time.ts';

export const tenant = 'lab';

/** An endpoint of a scenario, as the engine knows endpoints. */
export function endpointOf(of: LabEndpoint, index: number, random: SeededRandom): Endpoint {
  return {
    id: `ep_lab${index}`,
    tenant,
    url: endpointUrl(index),
    eventTypes: ['*'],
    description: of.name,
    owner: null,
    template: null,
    secrets: [{ secret: newSecret(random), expiresAt: null }],
    headers: {},
    timeoutMs: of.timeout_s * 1000,
    maxInFlight: of.max_in_flight,
    rateLimitPerS: of.rate_limit_per_s,
    ordering: of.ordering,
    filter: null,
    retry:
      of.schedule_s === undefined
        ? defaultRetryPolicy
        : {
            ...defaultRetryPolicy,
            backoff: { kind: 'schedule', delaysMs: of.schedule_s.map((s) => s * 1000) },
          },
    deliverWithinMs: of.deliver_within_s * 1000,
    enabled: true,
    pausedReason: null,
    createdAt: worldBegins,
    updatedAt: worldBegins,
  };
}
