import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import {
  ConflictError,
  EventConflictError,
  NotFoundError,
  StoreFaultError,
  UnavailableError,
} from '../domain/errors.ts';
import { type Authentication, createAuthentication } from './authentication.ts';
import { readBodies } from './body.ts';
import { createHttpServer, type HttpServer } from './connections.ts';
import type { ApiDependencies } from './dependencies.ts';
import { maxBodyBytes } from './input.ts';
import { noteMethods } from './methods.ts';
import { notFound, Problem, sendProblem } from './problem.ts';
import { alertRoutes } from './routes/alerts.ts';
import { declaredRoutes } from './routes/declared.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { eventRoutes } from './routes/events.ts';
import { objectiveRoutes } from './routes/objectives.ts';
import { redriveRoutes } from './routes/redrives.ts';
import { serviceRoutes } from './routes/service.ts';

const open = new Set(['/healthz', '/readyz', '/openapi.json']);
/** From whatever was thrown to what the caller may know of it. */
function problemOf(error: Error & { code?: string; statusCode?: number }): Problem | null {
  if (error instanceof Problem) return error;
  if (error instanceof EventConflictError) {
    return new Problem(409, error.code, error.message, [
      { path: `/events/${error.index}/id`, message: 'was used before for another body' },
    ]);
  }
  if (error instanceof ConflictError) return new Problem(409, error.code, error.message);
  if (error instanceof NotFoundError) return new Problem(404, 'not_found', error.message);
  if (error instanceof StoreFaultError)
    return new Problem(
      503,
      'unavailable',
      `nothing was stored: the files of the store are ${error.fault}, and an operator has to act`,
    );
  if (error instanceof UnavailableError)
    return new Problem(503, 'unavailable', 'nothing was stored; try again');
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new Problem(415, 'unsupported_media_type', 'send application/json');
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new Problem(error.statusCode, 'bad_request', error.message);
  }
  return null;
}

/** The HTTP API; listening is the caller's business. */
export function createServer(deps: ApiDependencies): FastifyInstance {
  const { logger } = deps;
  let http!: HttpServer;
  const authenticationBy = (keyHashes: readonly string[]): Authentication =>
    createAuthentication({
      keyHashes,
      clock: deps.clock,
      logger,
      onFailure: deps.metrics.authenticationFailed,
    });
  const authentication = authenticationBy(deps.adminKeyHashes);
  const metricsAuthentication =
    deps.metricsKeyHash === null ? null : authenticationBy([...deps.adminKeyHashes, deps.metricsKeyHash]);
  const app = Fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    serverFactory: (handle) => {
      http = createHttpServer(handle, deps.clock);
      return http.server;
    },
    clientErrorHandler: (error, socket) => http.refuse(error, socket as Socket),
    exposeHeadRoutes: false,
    // An id of 255 characters, each up to four bytes in percent signs.
    routerOptions: { maxParamLength: 255 * 12 },
    // Found before any route, so neither hooks nor the error handler below are asked.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(
        reply,
        error.code === 'FST_ERR_BAD_URL'
          ? new Problem(400, 'bad_url', 'the path is no valid URL')
          : notFound(`${request.method} by so long a name`),
      ),
  });

  // Nothing is accepted by declarations that were not read.
  app.addHook('onReady', () => deps.catalog.refresh());
  readBodies(app, http.continueBody);
  app.addHook('preClose', async () => http.closing());
  app.addHook('onRequest', async (request) => {
    // No name and no id holds one, and PostgreSQL takes none.
    if (request.url.includes('%00')) throw new Problem(400, 'bad_url', 'a URL of ours holds no NUL');
    const route = request.routeOptions.url ?? '';
    const required = route === '/metrics' ? metricsAuthentication : open.has(route) ? null : authentication;
    required?.require(request.headers.authorization, request.socket.remoteAddress ?? '');
  });
  const methodsOf = noteMethods(app);
  const refuseUnknown = async (request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    const path = request.url.split('?')[0]!;
    const allowed = methodsOf(path);
    if (allowed.length === 0) throw notFound(`${request.method} ${path}`);
    void reply.header('allow', allowed.join(', '));
    throw new Problem(
      405,
      'method_not_allowed',
      `${path} takes ${allowed.join(' and ')}, and no ${request.method}`,
    );
  };
  // In a hook, because handlers come after the body was read.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) await refuseUnknown(request, reply);
  });

  app.setErrorHandler((error: Error, request, reply) => {
    const problem = problemOf(error);
    if (problem !== null) return sendProblem(reply, problem);
    logger.error(
      { error: error.message, stack: error.stack, route: request.routeOptions.url },
      'a request failed by a defect',
    );
    return sendProblem(reply, new Problem(500, 'internal', 'something went wrong here; it was logged'));
  });
  app.setNotFoundHandler(refuseUnknown);

  eventRoutes(app, deps);
  endpointRoutes(app, deps);
  deliveryRoutes(app, deps);
  redriveRoutes(app, deps);
  alertRoutes(app, deps);
  declaredRoutes(app, deps);
  objectiveRoutes(app, deps);
  serviceRoutes(app, deps);
  return app;
}
