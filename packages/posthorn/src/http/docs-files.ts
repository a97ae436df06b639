import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { guarded, takes, typed, typeOf } from './static-file.ts';

/** The documentation: its files by their paths below `/docs/`. They stay on disk, texts as gzip: an install is small. */
export type DocsFiles = ReadonlyMap<string, string>;

/** Within this package; in a checkout, where `npm start` builds it (`scripts/docs.ts`). */
const directory = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../../docs/dist' : '../docs', import.meta.url),
);

/** Reads which files there are; null: it is not built, as in a checkout before `npm start`. */
export async function readDocs(from: string = directory): Promise<DocsFiles | null> {
  if (!existsSync(join(from, 'index.html.gz'))) return null;
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        // `guides/audit.html` is at `/docs/guides/audit`.
        return [relative(from, file).replace(/(?:^index)?\.html\.gz$|\.gz$/, ''), file];
      }),
  );
}

/** Serves the documentation at `/docs`. Only what was there at the start is ever read: no path reaches another file. */
export function serveDocs(app: FastifyInstance, files: DocsFiles): void {
  const config = { isFile: true } as const;
  const send = (request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply | undefined => {
    const file = files.get(path);
    if (file === undefined) {
      reply.callNotFound();
      return undefined;
    }
    const isCompressed = file.endsWith('.gz');
    // Examples and configurations are read, never run.
    const type = typeOf(isCompressed ? file.slice(0, -'.gz'.length) : file, 'text/plain; charset=utf-8');
    const bytes = readFileSync(file);
    void typed(guarded(reply).header('cache-control', 'no-cache'), type);
    if (!isCompressed) return reply.send(bytes);
    if (takes(request, 'gzip')) return reply.header('content-encoding', 'gzip').send(bytes);
    return reply.send(gunzipSync(bytes));
  };
  app.get('/docs', { config }, (request, reply) => send(request, reply, ''));
  app.get<{ Params: { '*': string } }>('/docs/*', { config }, (request, reply) =>
    send(request, reply, request.params['*'].replace(/\/$/, '')),
  );
}
