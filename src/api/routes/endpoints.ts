import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { type Endpoint, freshEndpoint } from '../../domain/endpoint.ts';
import { newEventId, timeOrderedId } from '../../domain/ids.ts';
import { defaultRetryPolicy, type RetryPolicy } from '../../domain/retry-policy.ts';
import { newSecret, parseSecret } from '../../signing/standard-webhooks.ts';
import type { EndpointChange } from '../../store/store.ts';
import * as schemas from '../contract/schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { decodeCursor, encodeCursor, params, parse } from '../input.ts';
import { notFound, Problem } from '../problem.ts';
import { receiverUrl } from '../receiver-url.ts';
import { wireBreaker, wireEndpoint, wireReceipt } from '../wire.ts';

function retryOf(wire: z.output<typeof schemas.retry> | undefined): RetryPolicy {
  if (wire === undefined) return defaultRetryPolicy;
  const { exponential, schedule_s: schedule } = wire;
  if (exponential !== undefined && schedule !== undefined) {
    throw new Problem(422, 'invalid_request', '/retry takes schedule_s or exponential, not both', [
      { path: '/retry', message: 'has two backoffs' },
    ]);
  }
  return {
    backoff:
      exponential === undefined
        ? schedule === undefined
          ? defaultRetryPolicy.backoff
          : { kind: 'schedule', delaysMs: schedule.map((s) => s * 1000) }
        : {
            kind: 'exponential',
            baseMs: exponential.base_s * 1000,
            factor: exponential.factor,
            maxMs: exponential.max_s * 1000,
            attempts: exponential.attempts,
          },
    jitter: wire.jitter,
    giveUpAfterMs: wire.give_up_after_s * 1000,
  };
}

type Fields = z.output<typeof schemas.endpointChange>;

/** The given fields in the domain's words; what was not given is not there. */
function fieldsOf(wire: Fields): Partial<Endpoint> {
  const given: { -readonly [K in keyof Endpoint]?: Endpoint[K] } = {};
  if (wire.url !== undefined) given.url = wire.url;
  if (wire.event_types !== undefined) given.eventTypes = wire.event_types;
  if (wire.description !== undefined) given.description = wire.description;
  if (wire.owner !== undefined) given.owner = wire.owner;
  if (wire.template !== undefined) given.template = wire.template;
  if (wire.headers !== undefined) given.headers = wire.headers;
  if (wire.timeout_ms !== undefined) given.timeoutMs = wire.timeout_ms;
  if (wire.max_in_flight !== undefined) given.maxInFlight = wire.max_in_flight;
  if (wire.rate_limit_per_s !== undefined) given.rateLimitPerS = wire.rate_limit_per_s;
  if (wire.ordering !== undefined) given.ordering = wire.ordering;
  if (wire.filter !== undefined) given.filter = wire.filter;
  if (wire.retry !== undefined) given.retry = retryOf(wire.retry);
  if (wire.deliver_within_s !== undefined) given.deliverWithinMs = wire.deliver_within_s * 1000;
  if (wire.enabled !== undefined) {
    given.enabled = wire.enabled;
    given.pausedReason = wire.enabled ? null : 'operator';
  }
  return given;
}

export function endpointRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, engine, clock, random } = deps;
  const checkUrl = (text: string): string => receiverUrl(text, deps.refuseHost);

  const checkSecret = (secret: string): string => {
    try {
      parseSecret(secret);
      return secret;
    } catch (error) {
      const { message } = error as Error;
      throw new Problem(422, 'invalid_request', message, [{ path: '/secret', message }]);
    }
  };

  const change = async (id: string, fields: EndpointChange): Promise<Endpoint> => {
    const endpoint = await store.updateEndpoint(id, fields);
    if (endpoint === null) throw notFound('endpoint by that id');
    engine.endpointChanged(id, endpoint);
    return endpoint;
  };

  /** The breaker stands in readings only: it is what the engine found out, not what people declare. */
  const withBreakers = async (endpoints: readonly Endpoint[]): Promise<Record<string, unknown>[]> => {
    const open = new Map((await store.openBreakers()).map((b) => [b.endpointId, b.openSince]));
    return endpoints.map((endpoint) => ({
      ...wireEndpoint(endpoint),
      breaker: wireBreaker(open.get(endpoint.id) ?? null),
    }));
  };

  app.post('/v1/endpoints', async (request, reply) => {
    const { tenant, secret, ...fields } = parse(schemas.newEndpoint, request.body);
    const now = clock.now();
    const signing = secret === undefined ? newSecret(random) : checkSecret(secret);
    const endpoint = freshEndpoint(
      {
        id: timeOrderedId('ep', now, random.bytes(12)),
        tenant: tenant ?? 'default',
        url: checkUrl(fields.url),
        secret: signing,
        createdAt: now,
      },
      fieldsOf(fields as Fields),
    );
    await store.createEndpoint(endpoint);
    engine.endpointChanged(endpoint.id, endpoint);
    return reply.code(201).send({ ...wireEndpoint(endpoint), secret: signing });
  });

  app.get('/v1/endpoints', async (request) => {
    const { tenant, limit, cursor } = parse(schemas.endpointQuery, request.query);
    const items = await store.endpoints({ tenant: tenant ?? null, after: decodeCursor(cursor), limit });
    return {
      items: await withBreakers(items),
      next_cursor: items.length < limit ? null : encodeCursor(items.at(-1)!.id),
    };
  });

  app.get('/v1/endpoints/:id', async (request) => {
    const endpoint = await store.endpoint(params(request)['id']!);
    if (endpoint === null) throw notFound('endpoint by that id');
    return (await withBreakers([endpoint]))[0];
  });

  for (const method of ['PATCH', 'PUT'] as const) {
    app.route({
      method,
      url: '/v1/endpoints/:id',
      handler: async (request) => {
        const fields = fieldsOf(parse(schemas.endpointChange, request.body));
        const url = fields.url === undefined ? {} : { url: checkUrl(fields.url) };
        return wireEndpoint(
          await change(params(request)['id']!, { ...fields, ...url, updatedAt: clock.now() }),
        );
      },
    });
  }

  app.delete('/v1/endpoints/:id', async (request, reply) => {
    const id = params(request)['id']!;
    if (!(await store.deleteEndpoint(id, clock.now()))) throw notFound('endpoint by that id');
    engine.endpointChanged(id, null);
    return reply.code(204).send();
  });

  app.post('/v1/endpoints/:id/pause', async (request) => {
    const { reason } = parse(schemas.pause, request.body ?? {});
    return wireEndpoint(
      await change(params(request)['id']!, {
        enabled: false,
        pausedReason: reason ?? 'operator',
        updatedAt: clock.now(),
      }),
    );
  });

  app.post('/v1/endpoints/:id/resume', async (request) =>
    wireEndpoint(
      await change(params(request)['id']!, { enabled: true, pausedReason: null, updatedAt: clock.now() }),
    ),
  );

  app.post('/v1/endpoints/:id/rotate-secret', async (request) => {
    const { grace_s: graceS } = parse(schemas.rotate, request.body ?? {});
    const id = params(request)['id']!;
    const now = clock.now();
    const endpoint = await store.endpoint(id);
    if (endpoint === null) throw notFound('endpoint by that id');
    const secret = newSecret(random);
    // The former secret signs beside the new one until its grace time ends; older ones keep their own end.
    const former = endpoint.secrets
      .map((old) => ({ ...old, expiresAt: old.expiresAt ?? now + graceS * 1000 }))
      .filter(({ expiresAt }) => expiresAt > now)
      .slice(0, 4);
    const changed = await change(id, { secrets: [{ secret, expiresAt: null }, ...former], updatedAt: now });
    return { ...wireEndpoint(changed), secret };
  });

  app.post('/v1/endpoints/:id/test', async (request, reply) => {
    const id = params(request)['id']!;
    const endpoint = await store.endpoint(id);
    if (endpoint === null) throw notFound('endpoint by that id');
    const now = clock.now();
    const shard = random.bytes(1)[0]! % 64;
    const receipt = await store.acceptFor(
      {
        id: newEventId(now, random.bytes(14), shard),
        callerId: false,
        shard,
        tenant: endpoint.tenant,
        type: 'posthorn.test',
        data: JSON.stringify({
          message: 'A test from Posthorn: this endpoint receives webhooks.',
          endpoint_id: id,
        }),
        orderingKey: null,
        occurredAt: null,
        value: null,
      },
      id,
      now,
    );
    if (receipt === null) throw notFound('endpoint by that id');
    engine.wake([id]);
    return reply.code(202).send(wireReceipt(receipt));
  });
}
