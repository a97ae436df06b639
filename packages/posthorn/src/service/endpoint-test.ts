import { makeEvent } from '../domain/event.ts';
import { notFound } from '../domain/errors.ts';
import { deliveryId, newEventId } from '../domain/ids.ts';
import { shardCount } from '../domain/shard.ts';
import { secondMs } from '../domain/time.ts';
import { auditEntry } from './audit.ts';
import { wireAttempt } from './delivery-details.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { findEndpoint } from './endpoint-ref.ts';
import { wireReceipt } from './events.ts';
import { firstAttempt } from './first-attempt.ts';
import type { Handlers } from './handler.ts';

/** Time for claiming and settling, besides the endpoint's own timeout. */
const marginMs = 2 * secondMs;
const maxWaitMs = 30 * secondMs;

/** Sends a test event to one endpoint, and waits for its receiver's answer. */
export function endpointTestService(deps: ServiceDependencies): Handlers<'endpoints.test'> {
  const { store, engine, clock, random } = deps;
  return {
    'endpoints.test': async ({ params, query }, call) => {
      const endpoint = await findEndpoint(store.read, { reference: params.id, tenant: query.tenant });
      const { id, tenant } = endpoint;
      const now = clock.now();
      const event = makeEvent({
        id: newEventId(now, random.bytes(14), random.bytes(1)[0]! % shardCount),
        callerId: false,
        tenant,
        type: 'posthorn.test',
        data: JSON.stringify({
          message: 'A test from Posthorn: this endpoint receives webhooks.',
          endpoint_id: id,
        }),
      });
      const audit = auditEntry(call, now, {
        action: 'endpoints.test',
        target: { kind: 'endpoint', id },
        tenant,
        after: { event_id: event.id },
      });
      const receipt = await store.write.acceptFor(event, id, now, audit);
      if (receipt === null) throw notFound('endpoint by that id or name');
      await engine.clearThrottles([id]);
      engine.wake([id]);
      const waitMs =
        query.wait_s === undefined
          ? Math.min(endpoint.timeoutMs + marginMs, maxWaitMs)
          : query.wait_s * secondMs;
      const of = { tenant, eventId: event.id, endpointId: id };
      const { delivery, attempt } = await firstAttempt(store.read, clock, of, waitMs);
      return {
        ...wireReceipt(receipt),
        delivery_id: deliveryId(delivery.number),
        attempt: attempt === null ? null : wireAttempt(attempt, call.caller.payloads),
      };
    },
  };
}
