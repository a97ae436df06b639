import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '../domain/errors.ts';
import type { DashboardFiles } from '../http/dashboard-files.ts';
import type { NodeOptions } from '../options.ts';
import type { Parts } from '../parts.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Handlers } from '../service/handler.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The HTTP API of a node, created when something first listens. */
export interface Listener {
  /** Resolves with the URL. */
  listen(at: Address): Promise<string>;
  /** Refuses new requests, and resolves when the requests in progress have ended. */
  close(): Promise<void>;
  /** Closes the remaining connections. */
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
    trustedProxies = [],
    insecureDashboard = false,
    dashboard = false,
    dashboardAddress,
  }: NodeOptions,
): Listener {
  let servers: FastifyInstance[] = [];
  let isClosed = false;

  const serveAt = async (at: Address, files: DashboardFiles | null): Promise<string> => {
    // An application that only publishes does not load Fastify.
    const [{ createServer }, { serveSvix }] = await Promise.all([
      import('../http/server.ts'),
      import('../svix/serve.ts'),
    ]);
    if (isClosed) throw new UnavailableError('stopped before it listened');
    const server = createServer(
      {
        ...services,
        logger,
        adminKeyHashes,
        metricsKeyHash: metricsKeyHash ?? null,
        reached: {
          origin: publicUrl === undefined ? null : new URL(publicUrl).origin,
          allowInsecure: insecureDashboard,
        },
        trustedProxies,
        dashboard: files,
        authenticationFailed: metrics?.authenticationFailed,
      },
      handlers,
      [serveSvix],
    );
    servers = [...servers, server];
    // `localhost` may resolve to two addresses: a caller that looks it up finds this one.
    return await server.listen({ host: at.host === 'localhost' ? '127.0.0.1' : at.host, port: at.port });
  };

  return {
    listen: async (at) => {
      const files = dashboard ? await dashboardFiles(logger) : null;
      listening.url = await serveAt(at, dashboardAddress === undefined ? files : null);
      // Its pages call the API at their own origin.
      listening.dashboardUrl =
        files === null
          ? null
          : dashboardAddress === undefined
            ? listening.url
            : await serveAt(dashboardAddress, files);
      return listening.url;
    },
    close: async () => {
      isClosed = true;
      await Promise.all(servers.map((server) => server.close()));
      await services.keyTable.close();
    },
    cut: () => {
      for (const { server } of servers) server.closeAllConnections();
    },
  };
}

/** The files of the dashboard; null: they are not built. */
async function dashboardFiles(logger: Logger): Promise<DashboardFiles | null> {
  const { readDashboard } = await import('../http/dashboard-files.ts');
  const files = await readDashboard();
  if (files === null)
    logger.warn(
      { code: 'dashboard_not_built' },
      'the dashboard is not built and is not served; in a checkout, npm start builds it',
    );
  return files;
}
