import type { FastifyInstance } from 'fastify';
import { deliveryId, parseDeliveryId } from '../../domain/ids.ts';
import type { CommandAnswer, DeliveryRecord } from '../../store/store.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { decodeCursor, invalidCursor } from '../../service/paging.ts';
import { params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf, pageRead } from '../../service/paging.ts';
import { notFound, PosthornError } from '../../domain/errors.ts';
import { wireAttempt, wireDeadLetters, wireDelivery } from '../../service/wire.ts';
import { filterFrom, tenantsFrom } from '../../service/delivery-filter.ts';

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
    const { limit, cursor, order, ...filter } = parse(schemas.deliveryQuery, request.query);
    const last = decodeCursor(cursor);
    const after = last === null ? null : parseDeliveryId(last);
    if (last !== null && after === null) throw invalidCursor();
    const read = await store.deliveries(await filterFrom(store, filter), { after, limit: limit + 1, order });
    const page = pageRead(read, limit, ({ number }) => deliveryId(number));
    return { ...page, items: page.items.map(wireDelivery) };
  });

  app.get('/v1/deliveries/:id', async (request) => {
    const delivery = await find(params(request)['id']!);
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
    const { tenant, ...page } = parse(schemas.deadLetterQuery, request.query);
    const { items, next_cursor: next } = pageOf(
      await store.deadLetters(tenantsFrom(tenant)),
      page,
      ({ count, endpointId, errorClass }) => [-count, endpointId, errorClass ?? ''],
      'desc',
    );
    return { items: items.map(wireDeadLetters), next_cursor: next };
  });
}
