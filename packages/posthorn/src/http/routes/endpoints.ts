import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Endpoint, maxFormerSecrets, replacedEndpoint, rotateSecrets } from '../../domain/endpoint.ts';
import { invalid, notFound, PosthornError } from '../../domain/errors.ts';
import { isEndpointId, newEventId, timeOrderedId } from '../../domain/ids.ts';
import { makeEvent } from '../../domain/event.ts';
import { shardCount } from '../../domain/shard.ts';
import { secondMs } from '../../domain/time.ts';
import { newSecret, parseSecret } from '../../signing/standard-webhooks.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import { documentName } from '../../contract/fields.ts';
import { parse } from '../../contract/parse.ts';
import { tenantsFrom } from '../../service/delivery-filter.ts';
import { endpointDeclaration, type EndpointIdentity } from '../../service/endpoint-declaration.ts';
import { type EndpointRef, findEndpoint } from '../../service/endpoint-ref.ts';
import { decodeCursor, pageRead } from '../../service/paging.ts';
import { wireReceipt } from '../../service/events.ts';
import { wireEndpoint, wireHealth } from '../../service/wire.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { optionalBody, params } from '../input.ts';

/** Which endpoint a path names: its id, or its name in the tenant of the query. */
function refOf(request: FastifyRequest): EndpointRef {
  const { tenant } = parse(schemas.endpointScope, request.query);
  return { reference: params(request)['id']!, tenant };
}

export function endpointRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, config, engine, clock, random } = deps;
  const declaration = endpointDeclaration(deps);

  const checkSecret = (secret: string): string => {
    try {
      parseSecret(secret);
      return secret;
    } catch (error) {
      const { message } = error as Error;
      throw new PosthornError('invalid_request', message, [{ path: '/secret', message }]);
    }
  };
  const newIdentity = (tenant: string, secret: string | undefined, now: number): EndpointIdentity => ({
    id: timeOrderedId('ep', now, random.bytes(12)),
    tenant,
    secret: secret === undefined ? newSecret(random) : checkSecret(secret),
    createdAt: now,
  });

  /** The engine hears of changes in the order in which they were committed. */
  const change = async (
    ref: EndpointRef,
    fields: (before: Endpoint) => Promise<Partial<Endpoint>>,
  ): Promise<Endpoint> => {
    const { endpoints } = await config.change(async () => {
      const before = await findEndpoint(store, ref);
      const now = clock.now();
      const updated = { id: before.id, change: { ...(await fields(before)), updatedAt: now } };
      return { write: { now, updateEndpoints: [updated] }, answer: null };
    });
    const [endpoint] = endpoints;
    engine.endpointChanged(endpoint!.id, endpoint!);
    return endpoint!;
  };

  /** What attempts found out stands in readings only: it is not what operators declare. */
  const withHealth = async (endpoints: readonly Endpoint[]): Promise<Record<string, unknown>[]> => {
    const open = new Map((await store.openBreakers()).map((b) => [b.endpointId, b.openSince]));
    const throttled = new Map((await store.throttles(clock.now())).map((t) => [t.endpointId, t.until]));
    return endpoints.map((endpoint) => ({
      ...wireEndpoint(endpoint),
      ...wireHealth(open.get(endpoint.id) ?? null, throttled.get(endpoint.id) ?? null),
    }));
  };

  app.post('/v1/endpoints', async (request, reply) => {
    const { tenant = 'default', secret, ...wire } = parse(schemas.newEndpoint, request.body);
    const now = clock.now();
    const identity = newIdentity(tenant, secret, now);
    const { answer: endpoint } = await config.change(async () => {
      const answer = await declaration.fresh(identity, wire);
      return { write: { now, createEndpoints: [answer] }, answer };
    });
    engine.endpointChanged(endpoint.id, endpoint);
    return reply.code(201).send({ ...wireEndpoint(endpoint), secret: identity.secret });
  });

  app.get('/v1/endpoints', async (request) => {
    const { tenant, limit, cursor, order } = parse(schemas.endpointQuery, request.query);
    const read = await store.endpoints({
      ...tenantsFrom(tenant),
      after: decodeCursor(cursor),
      limit: limit + 1,
      order,
    });
    const page = pageRead(read, limit, ({ id }) => id);
    return { ...page, items: await withHealth(page.items) };
  });

  app.get('/v1/endpoints/:id', async (request) => {
    const endpoint = await findEndpoint(store, refOf(request));
    return (await withHealth([endpoint]))[0];
  });

  const patch = async (request: FastifyRequest): Promise<Record<string, unknown>> => {
    const wire = parse(schemas.endpointChange, request.body);
    return wireEndpoint(await change(refOf(request), (before) => declaration.change(wire, before)));
  };
  app.patch('/v1/endpoints/:id', patch);

  app.put('/v1/endpoints/:id', async (request, reply) => {
    const reference = params(request)['id']!;
    // An endpoint that has no name to be declared by is changed.
    if (isEndpointId(reference)) return await patch(request);
    const { tenant: scope } = parse(schemas.ownScope, request.query);
    const { tenant: ownTenant, secret, ...wire } = parse(schemas.endpointDocument, request.body);
    const name = parse(documentName, reference);
    const tenant = scope ?? ownTenant ?? 'default';
    if (ownTenant !== undefined && ownTenant !== tenant)
      throw invalid('/tenant', `is not the tenant of the query, ${tenant}`);
    if (wire.name !== undefined && wire.name !== name)
      throw invalid('/name', `is not the name in the path, ${name}`);
    const now = clock.now();
    const identity = newIdentity(tenant, secret, now);
    const { answer, endpoints } = await config.change(async () => {
      const [before] = await store.endpointsNamed([tenant], [name]);
      const fresh = await declaration.fresh(identity, { ...wire, name }, before?.headers);
      if (before === undefined) return { write: { now, createEndpoints: [fresh] }, answer: null };
      const replaced = {
        ...replacedEndpoint(before, fresh, wire.enabled !== undefined),
        ...(secret === undefined || secret === before.secrets[0]?.secret
          ? {}
          : { secrets: rotateSecrets(before.secrets, secret, now, 0) ?? fresh.secrets }),
      };
      // The same again changes nothing.
      if (isDeepStrictEqual(replaced, before)) return { write: null, answer: before };
      const updated = { id: before.id, change: { ...replaced, updatedAt: now } };
      return { write: { now, updateEndpoints: [updated] }, answer: before };
    });
    const endpoint = endpoints[0] ?? answer!;
    if (endpoints.length > 0) engine.endpointChanged(endpoint.id, endpoint);
    if (answer !== null) return wireEndpoint(endpoint);
    return reply.code(201).send({ ...wireEndpoint(endpoint), secret: identity.secret });
  });

  app.delete('/v1/endpoints/:id', async (request, reply) => {
    const ref = refOf(request);
    const { answer: id } = await config.change(async () => {
      const endpoint = await findEndpoint(store, ref);
      return { write: { now: clock.now(), deleteEndpoints: [endpoint.id] }, answer: endpoint.id };
    });
    engine.endpointChanged(id, null);
    return reply.code(204).send();
  });

  app.post('/v1/endpoints/:id/pause', async (request) => {
    const { reason } = parse(schemas.pause, optionalBody(request));
    return wireEndpoint(
      await change(refOf(request), async () => ({
        enabled: false,
        pausedReason: reason ?? 'operator',
      })),
    );
  });

  app.post('/v1/endpoints/:id/resume', async (request) => {
    const resumed = await change(refOf(request), async () => ({ enabled: true, pausedReason: null }));
    await engine.clearThrottles([resumed.id]);
    return wireEndpoint(resumed);
  });

  app.post('/v1/endpoints/:id/rotate-secret', async (request) => {
    const { grace_s: graceS } = parse(schemas.rotate, optionalBody(request));
    const secret = newSecret(random);
    const changed = await change(refOf(request), async ({ secrets }) => {
      const rotated = rotateSecrets(secrets, secret, clock.now(), graceS * secondMs);
      if (rotated === null)
        throw new PosthornError(
          'too_many_secrets',
          `${maxFormerSecrets} former secrets of this endpoint sign until their grace time ends: wait for the first to end, or send a grace_s of 0 to retire the current one at once.`,
        );
      return { secrets: rotated };
    });
    return { ...wireEndpoint(changed), secret };
  });

  app.post('/v1/endpoints/:id/test', async (request, reply) => {
    const endpoint = await findEndpoint(store, refOf(request));
    const { id } = endpoint;
    const now = clock.now();
    const event = makeEvent({
      id: newEventId(now, random.bytes(14), random.bytes(1)[0]! % shardCount),
      callerId: false,
      tenant: endpoint.tenant,
      type: 'posthorn.test',
      data: JSON.stringify({
        message: 'A test from Posthorn: this endpoint receives webhooks.',
        endpoint_id: id,
      }),
    });
    const receipt = await store.acceptFor(event, id, now);
    if (receipt === null) throw notFound('endpoint by that id');
    await engine.clearThrottles([id]);
    engine.wake([id]);
    return reply.code(202).send(wireReceipt(receipt));
  });
}
