import { defaultRetryPolicy, type Endpoint, freshEndpoint } from 'posthorn/domain';
import { newSecret } from 'posthorn/engine';
import type { LabEndpoint } from './scenario.ts';
import type { SeededRandom } from 'posthorn/runtime';
import { endpointUrl } from './transport.ts';
import { worldBegins } from './world-begins.ts';

export const tenant = 'lab';

/** An endpoint of a scenario, as the engine knows endpoints. */
export function toEndpoint(of: LabEndpoint, index: number, random: SeededRandom): Endpoint {
  return freshEndpoint(
    {
      id: `ep_lab${index}`,
      tenant,
      url: endpointUrl(index),
      secret: newSecret(random),
      createdAt: worldBegins,
    },
    {
      description: of.name,
      timeoutMs: of.timeout_s * 1000,
      maxInFlight: of.max_in_flight,
      rateLimitPerS: of.rate_limit_per_s,
      ordering: of.ordering,
      onDead: of.on_dead,
      deliverWithinMs: of.deliver_within_s * 1000,
      disableAfterMs: of.disable_after_s === null ? null : of.disable_after_s * 1000,
      ...(of.schedule_s === undefined
        ? {}
        : {
            retry: {
              ...defaultRetryPolicy,
              backoff: { kind: 'schedule', delaysMs: of.schedule_s.map((s) => s * 1000) },
            },
          }),
    },
  );
}
