import type { FastifyInstance, FastifyRequest } from 'fastify';
import { exactMinor } from '../../domain/money.ts';
import { alertTenant } from '../../domain/alert.ts';
import { EventConflictError } from '../../domain/errors.ts';
import { deliveryId } from '../../domain/ids.ts';
import { type TraceContext, traceOf } from '../../domain/trace.ts';
import { eventBatch, eventQuery, newEvent, replay } from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { idempotencyKey } from '../idempotency.ts';
import { idempotencyConflict } from '../../service/idempotency.ts';
import { maxBatchBytes } from '../../contract/limits.ts';
import { optionalBody, params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { eventMaker } from '../../service/new-event.ts';
import { findEndpoint } from '../../service/endpoint-ref.ts';
import { pageRead } from '../../service/paging.ts';
import { notFound } from '../../domain/errors.ts';
import { rawBatchData, rawData } from '../../service/raw-json.ts';
import { iso, wireDelivery, wireReceipt } from '../../service/wire.ts';

/** The trace that a publisher asks to be continued. */
const publisherTrace = ({ headers }: FastifyRequest): TraceContext | null =>
  headers['traceparent'] === undefined ? null : traceOf(headers['traceparent'], headers['tracestate']);

/** Data that was changed on disk may be anything: then it is shown as a text. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What Posthorn posts to PagerDuty carries the channel's key, which is write-only. */
function withoutRoutingKey(data: string): string {
  return data.replaceAll(/("routing_key"\s*:\s*)"(?:[^"\\]|\\.)*"/g, '$1null');
}

/** Of an event with more deliveries, the newest. */
const deliveriesShown = 1000;

export function eventRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, engine, clock, random } = deps;
  const make = eventMaker(clock, random, deps.catalog);

  app.post('/v1/events', async (request, reply) => {
    const wire = parse(newEvent, request.body);
    // An event without an id has its key for one, and remembers it: nothing else is stored for the key.
    const fallbackId = wire.id === undefined ? idempotencyKey(request) : undefined;
    const events = await make([{ wire, text: rawData(request.rawJson!)!, path: '', fallbackId }]);
    const [receipt] = await engine.publish(events, publisherTrace(request)).catch((error: unknown) => {
      throw fallbackId !== undefined && error instanceof EventConflictError ? idempotencyConflict() : error;
    });
    if (fallbackId !== undefined && receipt!.duplicate) void reply.header('idempotent-replayed', 'true');
    return reply.code(202).send(wireReceipt(receipt!));
  });

  app.post('/v1/events/batch', { bodyLimit: maxBatchBytes }, async (request, reply) => {
    const { events } = parse(eventBatch, request.body);
    const data = rawBatchData(request.rawJson!);
    const made = await make(
      events.map((wire, index) => ({ wire, text: data[index]!, path: `/events/${index}` })),
    );
    const receipts = await engine.publish(made, publisherTrace(request));
    return reply.code(202).send({ accepted: receipts.map(wireReceipt) });
  });

  app.get('/v1/events/:id', async (request, reply) => {
    const { tenant } = parse(eventQuery, request.query);
    const event = await store.event(tenant, params(request)['id']!);
    if (event === null) throw notFound('event by that id and tenant');
    const { items: deliveries, next_cursor: nextCursor } = pageRead(
      await store.deliveries(
        { tenants: [tenant], eventIds: [event.id] },
        { after: null, limit: deliveriesShown + 1 },
      ),
      deliveriesShown,
      ({ number }) => deliveryId(number),
    );
    const head = JSON.stringify({
      id: event.id,
      tenant,
      type: event.type,
      accepted_at: iso(event.acceptedAt),
      occurred_at: event.occurredAt === null ? null : iso(event.occurredAt),
      ordering_key: event.orderingKey,
      value:
        event.value === null
          ? null
          : { amount_minor: exactMinor(event.value.amountMinor), currency: event.value.currency },
      integrity: event.integrity,
      deliveries: deliveries.map(wireDelivery),
      // More of them: GET /v1/deliveries with event_id, tenant and this cursor.
      deliveries_next_cursor: nextCursor,
    });
    const shown = tenant === alertTenant ? withoutRoutingKey(event.data) : event.data;
    // The data goes out as it came in: parsing and printing it again could change its numbers.
    return reply
      .type('application/json')
      .serializer((text: string) => text)
      .send(
        `${head.slice(0, -1)},"data":${event.integrity === 'corrupt' && !isJson(shown) ? JSON.stringify(shown) : shown}}`,
      );
  });

  app.post('/v1/events/:id/replay', async (request, reply) => {
    const { tenant } = parse(eventQuery, request.query);
    const { endpoint_id: reference } = parse(replay, optionalBody(request));
    const to = reference === undefined ? null : (await findEndpoint(store, { reference, tenant })).id;
    const answer = await store.replayEvent(tenant, params(request)['id']!, to, clock.now());
    if (answer === 'no_event') throw notFound('event by that id and tenant');
    if (answer === 'no_endpoint') throw notFound('endpoint by that id in the tenant of the event');
    const { receipt, deliveries, filtered, overridden } = answer;
    const endpointIds = deliveries.map((delivery) => delivery.endpointId);
    const { throttled } = engine.status();
    await engine.clearThrottles(endpointIds.filter((id) => throttled.includes(id)));
    engine.wake(endpointIds);
    return reply.code(202).send({
      ...wireReceipt(receipt),
      delivery_ids: deliveries.map(({ number }) => deliveryId(number)),
      filtered,
      overridden,
    });
  });
}
