import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../domain/errors.ts';
import type { NodeOptions } from '../options.ts';
import type { Parts } from '../parts.ts';
import type { Handlers } from '../service/handler.ts';

/** The HTTP API of a node, which exists once something listens. */
export interface Listener {
  /** Resolves with the URL. */
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /** Refuses new requests, and resolves when those that are being read or answered have ended. */
  close(): Promise<void>;
  /** Ends the connections that are left. */
  cut(): void;
}

export function createListener(
  { services, logger, listening }: Parts,
  handlers: Handlers,
  {
    adminKeyHashes = [],
    metricsKeyHash,
    metrics,
    publicUrl,
    insecureDashboard = false,
    dashboard = false,
  }: NodeOptions,
): Listener {
  let server: FastifyInstance | null = null;
  let isClosed = false;
  return {
    listen: async ({ host, port }) => {
      // An application that only publishes does without Fastify.
      const { createServer } = await import('../http/server.ts');
      const { readDashboard } = await import('../http/dashboard-files.ts');
      const files = dashboard ? await readDashboard() : null;
      if (dashboard && files === null)
        logger.warn(
          { code: 'dashboard_not_built' },
          'the dashboard is not built and is not served; npm start builds it in a checkout',
        );
      if (isClosed) throw new UnavailableError('stopped before it listened');
      server = createServer(
        {
          ...services,
          logger,
          adminKeyHashes,
          metricsKeyHash: metricsKeyHash ?? null,
          reached: {
            origin: publicUrl === undefined ? null : new URL(publicUrl).origin,
            allowInsecure: insecureDashboard,
          },
          dashboard: files,
          authenticationFailed: metrics?.authenticationFailed,
        },
        handlers,
      );
      // `localhost` may name two addresses: whoever asks for it finds this one.
      listening.url = await server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
      return listening.url;
    },
    close: async () => {
      isClosed = true;
      await server?.close();
      await services.keyTable.close();
    },
    cut: () => server?.server.closeAllConnections(),
  };
}
