import type { FastifyInstance } from 'fastify';
import type { Logger } from '../runtime/logger.ts';

/**
 * The idle limit of connections ends a request that is never answered (G8): a fault of this server, which no one would
 * see without this line.
 */
export function reportUnanswered(app: FastifyInstance, logger: Pick<Logger, 'error'>): void {
  app.addHook('onTimeout', async ({ id: requestId, raw, routeOptions }, reply) => {
    // A client may leave unread what it was sent, or ask for nothing more.
    if (reply.raw.headersSent) return;
    const { operation } = routeOptions.config;
    logger.error(
      { code: 'request_unanswered', requestId, operation, hasArrived: raw.complete },
      'a request was not answered: its connection was closed for inactivity',
    );
  });
}
