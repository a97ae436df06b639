import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Caller, anonymous, hasScope } from '../domain/caller.ts';
import { PosthornError } from '../domain/errors.ts';
import { parseTrace } from '../domain/trace.ts';
import type { Adapter, AdapterHost, HttpError } from '../http/adapter.ts';
import { idempotencyHooks, idempotencyKey } from '../http/idempotency.ts';
import { callerCredential } from '../http/identity.ts';
import { refuseUnstorable } from '../http/storable.ts';
import type { Call } from '../service/handler.ts';
import { type ErrorAnswer, errorAnswer, InvalidFields, missing, Refusal } from './errors.ts';
import { isGiven, ownOperations, Query, type Route } from './request.ts';
import { partsOf, routeOf } from './routes.ts';
import { callerAddress } from '../http/caller-address.ts';

// The API of Svix's clients under `/api/v1`, over Posthorn's own use cases: a service that sends through such a client changes its URL.

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
/** Some clients begin the path with two slashes. */
const roots = ['/api/v1', '//api/v1'];

function sendError(
  reply: FastifyReply,
  { status, body }: ErrorAnswer,
  retryAfterS: number | null,
): FastifyReply {
  if (retryAfterS !== null) void reply.header('retry-after', String(retryAfterS));
  return reply.code(status).type('application/json').serializer(JSON.stringify).send(body);
}

function handleErrors(app: FastifyInstance, { deps, knownError }: AdapterHost): void {
  app.setErrorHandler((error: HttpError, request, reply) => {
    if (error instanceof Refusal || error instanceof InvalidFields)
      return sendError(reply, error.answer, null);
    const known = knownError(error);
    if (known === null)
      deps.logger.error(
        { code: 'request_failed', requestId: request.id, error: error.message, stack: error.stack },
        'internal error in a request',
      );
    const shown = known ?? new PosthornError('internal', 'Internal error: logged with the request id.');
    return sendError(reply, errorAnswer(shown), shown.retryAfterS);
  });
}

/** Refuses what the caller's key may not do. */
function demandAccess(caller: Caller, { scope, orgOnly }: Route): void {
  if (orgOnly === true && (caller.tenant !== null || caller.can !== null))
    throw new Refusal(403, 'insufficient access', 'This needs a key that is not bound to an application.');
  // The portal link states what its holder may do: each use case checks it.
  if (scope === 'operate' && caller.can !== null) return;
  if (!hasScope(caller, scope))
    throw new Refusal(403, 'insufficient access', `This needs a key with the scope ${scope}.`);
}

function callFrom(request: FastifyRequest): Call {
  const { traceparent, tracestate } = request.headers;
  return {
    caller: request.caller ?? anonymous,
    from: callerAddress(request),
    requestId: request.id,
    trace: traceparent === undefined ? null : parseTrace(traceparent.toString(), tracestate?.toString()),
    text: null,
    // Honored by this API itself, for every POST.
    idempotencyKey: null,
    acceptsLines: false,
    credential: () => callerCredential(request),
  };
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  host: AdapterHost,
): Promise<FastifyReply> {
  const { deps, handlers } = host;
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const found = routeOf(method, partsOf(request.url));
  if (found === null) throw missing(`${request.method} ${request.url.split('?', 1)[0]!} is not supported.`);
  const { route, params } = found;
  const call = callFrom(request);
  demandAccess(call.caller, route);
  if (request.rawJson !== null && route.anyText !== true) refuseUnstorable(request.rawJson, request.body);
  const { status, body } = await route.handle({
    params,
    query: new Query(request.query as Readonly<Record<string, string | readonly string[]>>),
    body: request.body,
    text: request.rawJson,
    caller: call.caller,
    call,
    idempotencyKey: request.method === 'POST' ? (idempotencyKey(request) ?? null) : null,
    userAgent: request.headers['user-agent'] ?? '',
    deps,
    handlers,
    ...ownOperations(handlers, call),
  });
  void reply.code(status);
  if (body === undefined) return reply.send();
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return reply
    .type('application/json')
    .serializer((sent: unknown) => sent as string)
    .send(text);
}

/** Pages of other sites may call this API with a key: without cookies, as `*` says. */
function allowOtherSites(app: FastifyInstance): void {
  app.addHook('onSend', async (_, reply) => {
    void reply.header('access-control-allow-origin', '*').header('cache-control', 'no-store');
  });
}

function preflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { 'access-control-request-headers': asked, 'access-control-request-method': method } =
    request.headers;
  return reply
    .code(204)
    .header('access-control-allow-methods', method ?? methods.join(', '))
    .header('access-control-allow-headers', asked ?? 'authorization, content-type')
    .header('access-control-max-age', '600')
    .send();
}

/**
 * A message has an id that its key gives, so it remembers the key itself: one commit instead of three. With an id of its sender's it
 * does not; then a key that a client makes comes with one body only, which the message remembers.
 */
function messageRemembers({ url, body }: FastifyRequest, key: string): boolean {
  if (!/\/msg\/?(\?|$)/.test(url)) return false;
  const hasEventId = typeof body === 'object' && body !== null && 'eventId' in body && isGiven(body.eventId);
  return !hasEventId || key.startsWith('auto_');
}

function addRoutes(app: FastifyInstance, host: AdapterHost): void {
  const { deps, parseBody } = host;
  handleErrors(app, host);
  allowOtherSites(app);
  // Some clients send a body without its type, or an empty one.
  app.addContentTypeParser('*', parseBody);
  const hooks = idempotencyHooks({ ...deps, store: deps.store.write }, (request) => {
    const key = request.method === 'POST' ? idempotencyKey(request) : undefined;
    if (key !== undefined && messageRemembers(request, key)) return null;
    // A repeat is known by key, path and caller: its body is not compared.
    return key === undefined
      ? null
      : {
          key: `${request.url}\n${key}`,
          content: { method: request.method, url: request.url, body: '' },
        };
  });
  for (const root of roots) {
    for (const path of ['/health', '/health/', '/health/ping', '/health/ping/'])
      app.route({
        method: ['GET', 'HEAD'],
        url: root + path,
        config: { adapter: 'open' },
        handler: async (_, reply) => reply.code(204).send(),
      });
    app.route({ method: 'OPTIONS', url: `${root}/*`, config: { adapter: 'open' }, handler: preflight });
    app.route({
      method: [...methods],
      url: `${root}/*`,
      config: { adapter: 'keyed' },
      preHandler: hooks.preHandler,
      onSend: hooks.onSend,
      handler: async (request, reply) => await answer(request, reply, host),
    });
  }
}

export const serveSvix: Adapter = (app, host) => {
  void app.register(async (scope) => addRoutes(scope, host));
};
