import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A file of the dashboard or of the documentation: it needs no key, because it contains no data. */
    isFile?: true;
  }
}

/** A file that browsers load, as it is sent. */
export interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  /** Null: compression does not make it smaller. */
  readonly brotli: Buffer | null;
  /** Compressed when it is first asked for: most browsers take Brotli. */
  readonly gzip: (() => Buffer) | null;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const compressible = new Set(['.html', '.js', '.css', '.json', '.svg', '.txt']);

/** The media type of a file by its name; `otherwise` is for one whose name does not say it. */
export const typeOf = (path: string, otherwise: string): string => types[extname(path)] ?? otherwise;

export function fileAt(path: string): StaticFile {
  const plain = readFileSync(path);
  const type = typeOf(path, 'application/octet-stream');
  if (!compressible.has(extname(path))) return { type, plain, brotli: null, gzip: null };
  const built = `${path}.br`;
  let gzipped: Buffer | null = null;
  return {
    type,
    plain,
    // Well compressed by the build, or quickly now.
    brotli: existsSync(built)
      ? readFileSync(built)
      : brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    // Built, it would be half a megabyte of every installation.
    gzip: () => (gzipped ??= gzipSync(plain)),
  };
}

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

/** With the headers of a page. */
export function guarded(reply: FastifyReply): FastifyReply {
  return reply
    .header('content-security-policy', contentSecurityPolicy)
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-opener-policy', 'same-origin')
    .header('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()');
}

/** Whether the client accepts this content encoding. */
export const takes = ({ headers }: FastifyRequest, encoding: 'br' | 'gzip'): boolean =>
  new RegExp(`(^|,)\\s*${encoding}\\s*(,|$)`).test(headers['accept-encoding'] ?? '');

/** With the headers of every file. */
export const typed = (reply: FastifyReply, type: string): FastifyReply =>
  reply.header('x-content-type-options', 'nosniff').header('vary', 'accept-encoding').type(type);

/** Sends it as small as the browser takes it. */
export function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { type, plain, brotli, gzip }: StaticFile,
): FastifyReply {
  void typed(reply, type);
  if (brotli !== null && takes(request, 'br')) return reply.header('content-encoding', 'br').send(brotli);
  if (gzip !== null && takes(request, 'gzip')) return reply.header('content-encoding', 'gzip').send(gzip());
  return reply.send(plain);
}
