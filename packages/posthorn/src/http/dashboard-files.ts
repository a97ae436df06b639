import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** One file of the dashboard, as it is sent. */
interface DashboardFile {
  readonly type: string;
  readonly plain: Buffer;
  /** Null: compression does not make it smaller. */
  readonly brotli: Buffer | null;
  readonly gzip: Buffer | null;
}

/** Everything that browsers load, in memory: some hundred kilobytes. */
export interface DashboardFiles {
  readonly index: DashboardFile;
  /** By the name in `/assets/`, which contains a hash of the content. */
  readonly assets: ReadonlyMap<string, DashboardFile>;
}

/** Within this package; in a checkout, where the workspace beside it builds it (`scripts/dashboard.ts`). */
const directory = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dashboard/dist' : '../dashboard', import.meta.url),
);

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const compressible = new Set(['.html', '.js', '.css', '.svg', '.txt']);

/** Built beside a file by the build, or created now. */
const compressed = (path: string, ending: string, make: (plain: Buffer) => Buffer, plain: Buffer): Buffer =>
  existsSync(path + ending) ? readFileSync(path + ending) : make(plain);

function fileAt(path: string): DashboardFile {
  const plain = readFileSync(path);
  const ending = extname(path);
  const type = types[ending] ?? 'application/octet-stream';
  if (!compressible.has(ending)) return { type, plain, brotli: null, gzip: null };
  const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };
  return {
    type,
    plain,
    brotli: compressed(path, '.br', (data) => brotliCompressSync(data, quickly), plain),
    gzip: compressed(path, '.gz', (data) => gzipSync(data), plain),
  };
}

/** Reads the dashboard; null: it is not built, as in a checkout before `npm start`. */
export async function readDashboard(from: string = directory): Promise<DashboardFiles | null> {
  const index = join(from, 'index.html');
  if (!existsSync(index)) return null;
  const names = (await readdir(join(from, 'assets'))).filter((name) => !/\.(br|gz)$/.test(name));
  return {
    index: fileAt(index),
    assets: new Map(names.map((name) => [name, fileAt(join(from, 'assets', name))])),
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

/**
 * Pages load only from here, have nothing inline, and cannot make scripts from text. They show payloads and receivers'
 * answers: whatever those contain, a browser does not run it.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  // The only policy: URLs of the build's own workers, and no markup (packages/dashboard/src/script-url.ts).
  'trusted-types posthorn-worker',
].join('; ');

function sendFile(request: FastifyRequest, reply: FastifyReply, file: DashboardFile): FastifyReply {
  const accepted = request.headers['accept-encoding'] ?? '';
  const takes = (name: string): boolean => new RegExp(`(^|,)\\s*${name}\\s*(,|$)`).test(accepted);
  void reply.header('x-content-type-options', 'nosniff').header('vary', 'accept-encoding').type(file.type);
  if (file.brotli !== null && takes('br')) return reply.header('content-encoding', 'br').send(file.brotli);
  if (file.gzip !== null && takes('gzip')) return reply.header('content-encoding', 'gzip').send(file.gzip);
  return reply.send(file.plain);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A file of the dashboard: it needs no key, because it contains no data. */
    isFile?: true;
  }
}

/** Serves the dashboard. Its pages read their data from the API, by the session's cookie. */
export function serveDashboard(app: FastifyInstance, { index, assets }: DashboardFiles): void {
  const config = { isFile: true } as const;
  const page = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    sendFile(
      request,
      reply
        // A new version refers to other names.
        .header('cache-control', 'no-cache')
        .header('content-security-policy', contentSecurityPolicy)
        .header('referrer-policy', 'no-referrer')
        .header('cross-origin-opener-policy', 'same-origin')
        .header('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'),
      index,
    );
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
}
