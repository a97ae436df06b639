import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import {
  type Endpoint,
  followed,
  freshEndpoint,
  maxFormerSecrets,
  rotateSecrets,
} from '../../domain/endpoint.ts';
import { newEventId, timeOrderedId } from '../../domain/ids.ts';
import {
  standardTemplate,
  type Template,
  type TemplateField,
  templateFields,
  templatesBy,
} from '../../domain/template.ts';
import { secondMs } from '../../domain/time.ts';
import { newSecret, parseSecret } from '../../signing/standard-webhooks.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { decodeCursor } from '../../service/paging.ts';
import { optionalBody, params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageRead } from '../../service/paging.ts';
import { notFound, PosthornError } from '../../domain/errors.ts';
import { receiverUrl } from '../../service/receiver-url.ts';
import { retryOf } from '../../service/retry.ts';
import { wireEndpoint, wireHealth, wireReceipt } from '../../service/wire.ts';
import { tenantsFrom } from '../../service/delivery-filter.ts';

type Fields = z.output<typeof schemas.endpointChange>;

/** The given fields in the domain's words; what was not given is not there. */
function fieldsOf(wire: Fields): Partial<Endpoint> {
  const given: { -readonly [K in keyof Endpoint]?: Endpoint[K] } = {};
  if (wire.url !== undefined) given.url = wire.url;
  if (wire.event_types !== undefined) given.eventTypes = wire.event_types;
  if (wire.description !== undefined) given.description = wire.description;
  if (wire.owner !== undefined) given.owner = wire.owner;
  if (wire.max_in_flight !== undefined) given.maxInFlight = wire.max_in_flight;
  if (wire.rate_limit_per_s !== undefined) given.rateLimitPerS = wire.rate_limit_per_s;
  if (wire.ordering !== undefined) given.ordering = wire.ordering;
  if (wire.filter !== undefined) given.filter = wire.filter;
  if (wire.enabled !== undefined) {
    given.enabled = wire.enabled;
    given.pausedReason = wire.enabled ? null : 'operator';
  }
  return given;
}

/** Headers as they are to be stored: null keeps the value that is there, because answers do not show it. */
function headersFrom(
  given: NonNullable<Fields['headers']>,
  stored: Endpoint['headers'],
): Endpoint['headers'] {
  const merged = Object.entries(given).map(([name, value]): [string, string] => {
    const kept = value ?? stored[name];
    if (kept !== undefined) return [name, kept];
    const message = 'has no stored value to keep: give one';
    const path = `/headers/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    throw new PosthornError('invalid_request', `${path} ${message}`, [{ path, message }]);
  });
  return Object.fromEntries(merged);
}

/** What this body says of the fields that a template speaks of too; null: as the template says. */
function statedOf(wire: Fields): { readonly [K in TemplateField]?: Endpoint[K] | null } {
  const { timeout_ms: timeoutMs, deliver_within_s: withinS, retry } = wire;
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(withinS === undefined ? {} : { deliverWithinMs: withinS === null ? null : withinS * 1000 }),
    ...(retry === undefined ? {} : { retry: retry === null ? null : retryOf(retry) }),
  };
}

/** The same for an endpoint that is made or changed: what it says itself, and what its template says for the rest. */
function policyOf(wire: Fields, before: Pick<Endpoint, 'own'>, template: Template | null): Partial<Endpoint> {
  const stated = statedOf(wire);
  const own = templateFields.filter((field) =>
    stated[field] === undefined ? before.own.includes(field) : stated[field] !== null,
  );
  const said = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== null));
  // An endpoint without a template does what the standard one says, and does not follow it when it changes.
  const rest = followed(template ?? standardTemplate, own);
  return {
    ...rest,
    ...(template === null ? { template: null, templateVersion: null } : {}),
    ...said,
    own,
  };
}

export function endpointRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, config, engine, clock, random } = deps;
  const checkUrl = (text: string): string => receiverUrl(text, deps.refuseHost);

  const checkSecret = (secret: string): string => {
    try {
      parseSecret(secret);
      return secret;
    } catch (error) {
      const { message } = error as Error;
      throw new PosthornError('invalid_request', message, [{ path: '/secret', message }]);
    }
  };

  const templateNamed = async (name: string): Promise<Template> => {
    const template = templatesBy(await store.documents('template')).get(name);
    if (template === undefined)
      throw new PosthornError('invalid_request', `there is no template ${name}`, [
        { path: '/template', message: `there is no template ${name}` },
      ]);
    return template;
  };

  /** The template that all the types name to which an endpoint subscribes, where they name the same one. */
  const templateOfTypes = async (eventTypes: readonly string[]): Promise<string | null> => {
    const declared = new Map(
      (await store.documents('event_type')).map(({ name, document }) => [name, document.template]),
    );
    const [first = null, ...others] = new Set(eventTypes.map((type) => declared.get(type) ?? null));
    return others.length === 0 ? first : null;
  };

  /** The engine hears of changes in the order in which they were committed. */
  const change = async (
    id: string,
    fields: (before: Endpoint) => Promise<Partial<Endpoint>>,
  ): Promise<Endpoint> => {
    const { endpoints } = await config.change(async () => {
      const before = await store.endpoint(id);
      if (before === null) throw notFound('endpoint by that id');
      const now = clock.now();
      const updated = { id, change: { ...(await fields(before)), updatedAt: now } };
      return { write: { now, updateEndpoints: [updated] }, answer: null };
    });
    const [endpoint] = endpoints;
    engine.endpointChanged(id, endpoint!);
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
    const { tenant, secret, ...fields } = parse(schemas.newEndpoint, request.body);
    const now = clock.now();
    const signing = secret === undefined ? newSecret(random) : checkSecret(secret);
    const required = {
      id: timeOrderedId('ep', now, random.bytes(12)),
      tenant: tenant ?? 'default',
      url: checkUrl(fields.url),
      secret: signing,
      createdAt: now,
    };
    const { answer: endpoint } = await config.change(async () => {
      const name =
        fields.template === undefined ? await templateOfTypes(fields.event_types ?? ['*']) : fields.template;
      const template = name === null ? null : await templateNamed(name);
      const policy = policyOf(fields as Fields, { own: [] }, template);
      const answer = freshEndpoint(required, {
        ...fieldsOf(fields as Fields),
        ...(fields.headers === undefined ? {} : { headers: fields.headers }),
        ...policy,
      });
      return { write: { now, createEndpoints: [answer] }, answer };
    });
    engine.endpointChanged(endpoint.id, endpoint);
    return reply.code(201).send({ ...wireEndpoint(endpoint), secret: signing });
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
    const endpoint = await store.endpoint(params(request)['id']!);
    if (endpoint === null) throw notFound('endpoint by that id');
    return (await withHealth([endpoint]))[0];
  });

  for (const method of ['PATCH', 'PUT'] as const) {
    app.route({
      method,
      url: '/v1/endpoints/:id',
      handler: async (request) => {
        const wire = parse(schemas.endpointChange, request.body);
        const fields = fieldsOf(wire);
        const url = fields.url === undefined ? {} : { url: checkUrl(fields.url) };
        const speaks = wire.template !== undefined || Object.keys(statedOf(wire)).length > 0;
        const changed = await change(params(request)['id']!, async (before) => {
          const name = wire.template === undefined ? before.template : wire.template;
          const policy = speaks
            ? policyOf(wire, before, name === null ? null : await templateNamed(name))
            : {};
          const headers =
            wire.headers === undefined ? {} : { headers: headersFrom(wire.headers, before.headers) };
          return { ...fields, ...headers, ...policy, ...url };
        });
        return wireEndpoint(changed);
      },
    });
  }

  app.delete('/v1/endpoints/:id', async (request, reply) => {
    const id = params(request)['id']!;
    await config.change(async () => {
      if ((await store.endpoint(id)) === null) throw notFound('endpoint by that id');
      return { write: { now: clock.now(), deleteEndpoints: [id] }, answer: null };
    });
    engine.endpointChanged(id, null);
    return reply.code(204).send();
  });

  app.post('/v1/endpoints/:id/pause', async (request) => {
    const { reason } = parse(schemas.pause, optionalBody(request));
    return wireEndpoint(
      await change(params(request)['id']!, async () => ({
        enabled: false,
        pausedReason: reason ?? 'operator',
      })),
    );
  });

  app.post('/v1/endpoints/:id/resume', async (request) => {
    const id = params(request)['id']!;
    const resumed = await change(id, async () => ({ enabled: true, pausedReason: null }));
    await engine.clearThrottles([id]);
    return wireEndpoint(resumed);
  });

  app.post('/v1/endpoints/:id/rotate-secret', async (request) => {
    const { grace_s: graceS } = parse(schemas.rotate, optionalBody(request));
    const secret = newSecret(random);
    const changed = await change(params(request)['id']!, async ({ secrets }) => {
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
    await engine.clearThrottles([id]);
    engine.wake([id]);
    return reply.code(202).send(wireReceipt(receipt));
  });
}
