import type { FastifyInstance } from 'fastify';
import { timeOrderedId } from '../../domain/ids.ts';
import { beginRedrive } from '../../store/redrives.ts';
import * as schemas from '../contract/schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { decodeCursor, invalidCursor, params, parse } from '../input.ts';
import { pageRead } from '../paging.ts';
import { notFound, Problem } from '../problem.ts';
import { wireRedrive } from '../wire.ts';
import { filterOf } from './deliveries.ts';

/** Redrives in bulk: durable jobs that run side by side, and can be listed, changed and stopped. */
export function redriveRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, engine, clock, random } = deps;
  const missing = (): Problem => notFound('redrive by that id');

  app.post('/v1/redrives', async (request, reply) => {
    const wire = parse(schemas.redrive, request.body);
    const { filter, dry_run: dryRun } = wire;
    if (filter.state !== undefined && filter.state !== 'dead' && filter.state !== 'suppressed') {
      const message = 'must be dead or suppressed';
      throw new Problem(422, 'invalid_request', `/filter/state ${message}`, [
        { path: '/filter/state', message },
      ]);
    }
    const now = clock.now();
    const redrive = await beginRedrive(store, {
      id: timeOrderedId('rdr', now, random.bytes(12)),
      name: wire.name ?? null,
      filter: { state: 'dead', ...filterOf(filter) },
      ratePerS: wire.rate_per_s ?? null,
      dryRun,
      now,
    });
    if (!dryRun) {
      const { endpoint_id: endpointId, tenant } = filter;
      for (const id of endpointId === undefined ? engine.status().throttled : [endpointId])
        if (tenant === undefined || (await store.endpoint(id))?.tenant === tenant)
          await engine.clearThrottles([id]);
    }
    engine.wake([]);
    return reply.code(202).send(wireRedrive(redrive));
  });

  app.get('/v1/redrives', async (request) => {
    const { limit, cursor } = parse(schemas.pageQuery, request.query);
    const before = decodeCursor(cursor);
    if (before !== null && !/^rdr_\w{1,64}$/.test(before)) throw invalidCursor();
    const page = pageRead(await store.redrives({ before, limit: limit + 1 }), limit, ({ id }) => id);
    return { ...page, items: page.items.map(wireRedrive) };
  });

  app.get('/v1/redrives/:id', async (request) => {
    const redrive = await store.redrive(params(request)['id']!);
    if (redrive === null) throw missing();
    return wireRedrive(redrive);
  });

  app.patch('/v1/redrives/:id', async (request) => {
    const { name, rate_per_s: ratePerS } = parse(schemas.redriveChange, request.body);
    const changed = await store.changeRedrive(params(request)['id']!, {
      ...(name === undefined ? {} : { name }),
      ...(ratePerS === undefined ? {} : { ratePerS }),
    });
    if (changed === 'not_found') throw missing();
    if (changed === 'ended')
      throw new Problem(
        409,
        'wrong_state',
        'This redrive has ended: start another one with the rate you want.',
      );
    engine.wake([]);
    return wireRedrive(changed);
  });

  app.post('/v1/redrives/:id/stop', async (request) => {
    const redrive = await store.stopRedrive(params(request)['id']!, clock.now());
    if (redrive === null) throw missing();
    if (redrive.state === 'done')
      throw new Problem(409, 'wrong_state', 'This redrive is done: there is nothing left to stop.');
    engine.wake([]);
    return wireRedrive(redrive);
  });
}
