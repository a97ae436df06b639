import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Logger } from '../runtime/logger.ts';
import { type Authentication, createAuthentication } from './authentication.ts';
import { notJson, readBodies } from './body.ts';
import { serveDashboard } from './dashboard-files.ts';
import { createHttpServer, type HttpServer } from './connections.ts';
import type { Adapter, HttpError } from './adapter.ts';
import type { ApiDependencies } from './dependencies.ts';
import { honorIdempotencyKeys } from './idempotency.ts';
import { maxBodyBytes } from '../contract/limits.ts';
import type { Scope } from '../contract/operation.ts';
import { table } from '../contract/table.ts';
import { refuseMalformed } from './malformed.ts';
import { refuseUnknown } from './methods.ts';
import { createIdentity, type Identity, honorSignIn, sendSession } from './identity.ts';
import { requestIds } from './request-ids.ts';
import { type Caller, firstAdmin, hasScope, anonymous } from '../domain/caller.ts';
import { PosthornError } from '../domain/errors.ts';
import { RequestTurns } from './request-turns.ts';
import { type OnSession, refuseOtherRoutes, serveOperations } from './operations.ts';
import { sendProblem } from './problem.ts';
import { toPosthornError } from '../service/errors.ts';
import { confined, type Confinements, demandCall } from '../service/confinement/confinement.ts';
import { createConfinements } from '../service/confinement/table.ts';
import type { Handlers } from '../service/handler.ts';
import { callerAddress } from './caller-address.ts';
import { reportUnanswered } from './unanswered.ts';

/** The scope that a key needs; null: the path does not lead to an operation, which only callers with a key learn. */
function requiredScope({ routeOptions }: FastifyRequest): Scope | null {
  const { operation, isFile, adapter } = routeOptions.config;
  if (isFile === true || adapter === 'open') return 'none';
  if (adapter === 'keyed') return 'any';
  return operation === undefined ? null : table[operation].scope;
}

/** A path without an operation is answered to every caller with a key. */
function demandScope(caller: Caller, scope: Scope | null): void {
  // The portal link states what its holder may do besides reading.
  if (scope === 'operate' && caller.can !== null) return;
  if (scope === null || scope === 'none' || scope === 'any') return;
  if (hasScope(caller, scope === 'metrics' ? 'read' : scope)) return;
  // The key for metrics does not have a scope, and opens nothing else.
  if (scope === 'metrics' && caller === anonymous) return;
  throw new PosthornError(
    'forbidden',
    `this needs a key with the scope ${scope === 'metrics' ? 'read' : scope}; this key has: ${caller.scopes.join(', ')}`,
  );
}

/** What a caller may know about a thrown error; null: an internal error. */
function knownError(error: HttpError): PosthornError | null {
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return notJson();
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new PosthornError('bad_request', error.message);
  return toPosthornError(error);
}

function handleErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: Error, request, reply) => {
    const known = knownError(error);
    if (known !== null) return sendProblem(reply, known);
    const { id: requestId, routeOptions } = request;
    const operation = routeOptions.config.operation;
    logger.error(
      { code: 'request_failed', requestId, operation, error: error.message, stack: error.stack },
      'internal error in a request',
    );
    return sendProblem(reply, new PosthornError('internal', 'Internal error: logged with the request id.'));
  });
}

/** Identifies callers: all by keys and sessions, and those of `/metrics` by its own key too; null: it has none. */
function createCallers(deps: ApiDependencies): {
  readonly identity: Identity;
  readonly metricsAuthentication: Authentication | null;
} {
  const authenticationBy = (
    keys: readonly { readonly hash: string; readonly caller: Caller }[],
  ): Authentication =>
    createAuthentication({
      keys,
      keyTable: deps.keyTable,
      clock: deps.clock,
      logger: deps.logger,
      onFailure: deps.authenticationFailed,
    });
  const admins = deps.adminKeyHashes.map((hash) => ({ hash, caller: firstAdmin }));
  const authentication = authenticationBy(admins);
  const metricsAuthentication =
    deps.metricsKeyHash === null
      ? null
      : authenticationBy([...admins, { hash: deps.metricsKeyHash, caller: anonymous }]);
  const identity = createIdentity({ authentication, sessionTable: deps.sessionTable, reached: deps.reached });
  return { identity, metricsAuthentication };
}

/** Identifies the caller of every request, and refuses what it may not do, before the body is read. */
function admitRequests(
  app: FastifyInstance,
  { identity, metricsAuthentication }: ReturnType<typeof createCallers>,
  confinements: Confinements,
  isClosing: () => boolean,
): void {
  const turns = new RequestTurns();
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('request-id', request.id);
    // Answers are private to the caller, so nothing in between may cache them.
    if (request.url.startsWith('/v1/')) void reply.header('cache-control', 'no-store');
    if (isClosing())
      throw new PosthornError(
        'unavailable',
        'The server is stopping. Nothing was stored: send the request to another node, or again later.',
      );
    refuseMalformed(request);
    const scope = requiredScope(request);
    if (scope === 'none' || (scope === 'metrics' && metricsAuthentication === null)) return;
    const found =
      scope === 'metrics'
        ? metricsAuthentication!.require(request.headers.authorization, callerAddress(request))
        : identity.identify(request);
    const caller = found instanceof Promise ? await found : found;
    request.caller = caller;
    demandScope(caller, scope);
    const { operation } = request.routeOptions.config;
    if (operation !== undefined) demandCall(confinements[operation], caller);
    const turn = turns.admit(caller, request.headers['content-length']);
    if (turn !== null) await turn;
  });
}

/** The HTTP API, with APIs of other shapes over the same use cases; the caller makes it listen. */
export function createServer(
  deps: ApiDependencies,
  services: Handlers,
  adapters: readonly Adapter[] = [],
): FastifyInstance {
  const { logger, clock, reached, trustedProxies } = deps;
  let http!: HttpServer;
  const requestId = requestIds(deps.random);
  const callers = createCallers(deps);
  const { identity } = callers;
  const app = Fastify({
    logger: false,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    bodyLimit: maxBodyBytes,
    serverFactory: (handle) => {
      http = createHttpServer(handle, deps.clock, requestId);
      return http.server;
    },
    clientErrorHandler: (error, socket) => http.refuse(error, socket as Socket),
    exposeHeadRoutes: false,
    genReqId: requestId,
    // An id of 255 characters, each of up to four percent-encoded bytes.
    routerOptions: { maxParamLength: 255 * 12 },
    // A hook below reports it as a problem.
    return503OnClosing: false,
    // Detected before any route, so neither hooks nor the error handler below run.
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(
        reply,
        error.code === 'FST_ERR_BAD_URL'
          ? new PosthornError('bad_url', 'The path is not validly percent-encoded.')
          : new PosthornError('not_found', 'No name or id is that long.'),
      ),
  });

  const confinements = createConfinements(deps.store);
  app.decorateRequest('caller', null);
  app.decorateRequest('session', null);
  app.decorateRequest('credential', null);
  refuseOtherRoutes(app);
  // Nothing is accepted until the declarations have been read.
  app.addHook('onReady', async () => {
    await Promise.all([deps.readDeclarations(), deps.keyTable.refresh()]);
  });
  const parseBody = readBodies(app, deps.clock, http);
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
    deps.streams.close();
    http.closing();
  });
  admitRequests(app, callers, confinements, () => isClosing);
  refuseUnknown(app);

  handleErrors(app, logger);
  reportUnanswered(app, logger);
  honorSignIn(app, identity);
  honorIdempotencyKeys(app, { ...deps, store: deps.store.write });
  const onSession: OnSession = (request, reply, change) =>
    sendSession(request, reply, change, clock.now(), reached);
  const handlers = confined(services, confinements);
  serveOperations(app, handlers, { onSession, clock, mayRead: identity.mayRead });
  for (const serve of adapters) serve(app, { deps, handlers, parseBody, knownError });
  if (deps.dashboard !== null) serveDashboard(app, deps.dashboard);
  return app;
}
