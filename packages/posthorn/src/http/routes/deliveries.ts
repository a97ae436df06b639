import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { deliveryId, parseDeliveryId } from '../../domain/ids.ts';
import type { CommandAnswer, DeliveryFilter, DeliveryRecord } from '../../store/store.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { decodeCursor, invalidCursor } from '../../service/paging.ts';
import { params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf, pageRead } from '../../service/paging.ts';
import { notFound, PosthornError } from '../../domain/errors.ts';
import { wireAttempt, wireDeadLetters, wireDelivery } from '../../service/wire.ts';

type WireFilter = z.output<typeof schemas.redrive>['filter'];

export function filterOf(wire: WireFilter): DeliveryFilter {
  return {
    ...(wire.tenant === undefined ? {} : { tenant: wire.tenant }),
    ...(wire.endpoint_id === undefined ? {} : { endpointId: wire.endpoint_id }),
    ...(wire.event_id === undefined ? {} : { eventId: wire.event_id }),
    ...(wire.event_type === undefined ? {} : { eventType: wire.event_type }),
    ...(wire.state === undefined ? {} : { state: wire.state }),
    ...(wire.error_class === undefined ? {} : { errorClass: wire.error_class }),
    ...(wire.since === undefined ? {} : { since: Date.parse(wire.since) }),
    ...(wire.until === undefined ? {} : { until: Date.parse(wire.until) }),
  };
}

export function deliveryRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, engine, clock } = deps;

  const find = async (id: string): Promise<DeliveryRecord> => {
    const number = parseDeliveryId(id);
    const delivery = number === null ? null : await store.delivery(number);
    if (delivery === null) throw notFound('delivery by that id');
    return delivery;
  };

  const command = async (
    id: string,
    run: (number: number) => Promise<CommandAnswer>,
    refusal: string,
  ): Promise<Record<string, unknown>> => {
    const { number, endpointId } = await find(id);
    const answer = await run(number);
    if (answer === 'not_found') throw notFound('delivery by that id');
    const delivery = await find(id);
    if (answer === 'endpoint_deleted')
      throw new PosthornError(
        'endpoint_deleted',
        `The endpoint of this delivery was deleted, so nothing can deliver it: it stays ${delivery.state}. To send the event elsewhere, replay it to another endpoint.`,
      );
    if (answer === 'refused')
      throw new PosthornError('wrong_state', `the delivery is ${delivery.state}; ${refusal}`);
    engine.wake([endpointId]);
    return wireDelivery(delivery);
  };

  app.get('/v1/deliveries', async (request) => {
    const { limit, cursor, ...filter } = parse(schemas.deliveryQuery, request.query);
    const after = decodeCursor(cursor);
    const before = after === null ? null : parseDeliveryId(after);
    if (after !== null && before === null) throw invalidCursor();
    const read = await store.deliveries(filterOf(filter), { before, limit: limit + 1 });
    const page = pageRead(read, limit, ({ number }) => deliveryId(number));
    return { ...page, items: page.items.map(wireDelivery) };
  });

  app.get('/v1/deliveries/:id', async (request) => {
    const delivery = await find(params(request)['id']!);
    // `attempts` is the list here, and a number in lists of deliveries.
    return { ...wireDelivery(delivery), attempts: (await store.attempts(delivery.number)).map(wireAttempt) };
  });

  app.post('/v1/deliveries/:id/redrive', async (request, reply) =>
    reply.code(202).send(
      await command(
        params(request)['id']!,
        async (number) => {
          const answer = await store.redriveDelivery(number, clock.now());
          const delivery = answer === 'done' ? await store.delivery(number) : null;
          if (delivery !== null) await engine.clearThrottles([delivery.endpointId]);
          return answer;
        },
        'one that was delivered is sent again by replaying its event',
      ),
    ),
  );

  app.post('/v1/deliveries/:id/cancel', async (request) => {
    const { reason } = parse(schemas.cancel, request.body);
    return await command(
      params(request)['id']!,
      (number) => store.cancelDelivery(number, reason, clock.now()),
      'only a pending one can be cancelled',
    );
  });

  app.get('/v1/dead-letters', async (request) => {
    const { tenant, ...page } = parse(schemas.tenantQuery, request.query);
    const { items, next_cursor: next } = pageOf(
      await store.deadLetters(tenant ?? null),
      page,
      ({ count, endpointId, errorClass }) => [-count, endpointId, errorClass ?? ''],
    );
    return { items: items.map(wireDeadLetters), next_cursor: next };
  });
}
