import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type DocsFiles, readDocs, serveDocs } from './docs-files.ts';
import { fileAt, guarded, sendFile, type StaticFile } from './static-file.ts';

/** Everything that browsers load, in memory: some hundred kilobytes. */
export interface DashboardFiles {
  readonly index: StaticFile;
  /** By the name in `/assets/`, which contains a hash of the content. */
  readonly assets: ReadonlyMap<string, StaticFile>;
  /** The documentation, beside it; null: it is not built. */
  readonly docs: DocsFiles | null;
}

/** Within this package; in a checkout, where the workspace beside it builds it (`scripts/dashboard.ts`). */
const directory = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dashboard/dist' : '../dashboard', import.meta.url),
);

/** Reads the dashboard; null: it is not built, as in a checkout before `npm start`. */
export async function readDashboard(from: string = directory): Promise<DashboardFiles | null> {
  const index = join(from, 'index.html');
  if (!existsSync(index)) return null;
  const names = (await readdir(join(from, 'assets'))).filter((name) => !name.endsWith('.br'));
  return {
    index: fileAt(index),
    assets: new Map(names.map((name) => [name, fileAt(join(from, 'assets', name))])),
    docs: await readDocs(),
  };
}

/** What the first part of a page's path may be: `/deliveries/dlv_…` is a page. The pages themselves know the rest. */
const pageRoots = [
  'deliveries',
  'events',
  'dead-letters',
  'redrives',
  'replays',
  'endpoints',
  'objectives',
  'teams',
  'impact',
  'missed',
  'settings',
  'sign-in',
  'portal',
];

/** Serves the dashboard. Its pages read their data from the API, by the session's cookie. */
export function serveDashboard(app: FastifyInstance, { index, assets, docs }: DashboardFiles): void {
  const config = { isFile: true } as const;
  const page = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    // A new version refers to other names.
    sendFile(request, guarded(reply).header('cache-control', 'no-cache'), index);
  app.get('/', { config }, page);
  for (const root of pageRoots) {
    app.get(`/${root}`, { config }, page);
    app.get(`/${root}/*`, { config }, page);
  }
  app.get<{ Params: { name: string } }>('/assets/:name', { config }, (request, reply) => {
    const file = assets.get(request.params.name);
    if (file === undefined) return reply.callNotFound();
    return sendFile(request, reply.header('cache-control', 'public, max-age=31536000, immutable'), file);
  });
  if (docs !== null) serveDocs(app, docs);
}
