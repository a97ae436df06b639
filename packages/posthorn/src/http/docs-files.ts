import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fileAt, guarded, sendFile } from './static-file.ts';

/** The documentation: its files by their paths below `/docs/`. Some megabytes, so they stay on disk. */
export type DocsFiles = ReadonlyMap<string, string>;

/** Within this package; in a checkout, where `npm start` builds it (`scripts/docs.ts`). */
const directory = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../../docs/dist' : '../docs', import.meta.url),
);

/** Reads which files there are; null: it is not built, as in a checkout before `npm start`. */
export async function readDocs(from: string = directory): Promise<DocsFiles | null> {
  if (!existsSync(join(from, 'index.html'))) return null;
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile() && !/^\.|\.(br|gz)$/.test(entry.name))
      .map((entry) => {
        const file = join(entry.parentPath, entry.name);
        // `guides/audit.html` is at `/docs/guides/audit`.
        return [relative(from, file).replace(/(?:^index)?\.html$/, ''), file];
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
    return sendFile(
      request,
      guarded(reply).header('cache-control', 'no-cache'),
      // Examples and configurations are read, never run.
      fileAt(file, 'text/plain; charset=utf-8'),
    );
  };
  app.get('/docs', { config }, (request, reply) => send(request, reply, ''));
  app.get<{ Params: { '*': string } }>('/docs/*', { config }, (request, reply) =>
    send(request, reply, request.params['*'].replace(/\/$/, '')),
  );
}
