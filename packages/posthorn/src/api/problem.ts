import type { FastifyReply } from 'fastify';

export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** An RFC 9457 problem document on its way out. `code` is stable; `detail` is for people. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly errors: readonly Fault[] | undefined;
  /** In seconds; for 503 and 429. */
  readonly retryAfterS: number;
  constructor(status: number, code: string, detail: string, errors?: readonly Fault[], retryAfterS = 1) {
    super(detail);
    this.retryAfterS = retryAfterS;
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Invalid request',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal error',
  503: 'Unavailable',
};

export function notFound(what: string): Problem {
  return new Problem(404, 'not_found', `there is no ${what}`);
}

function problemDocument({ status, code, message: detail, errors }: Problem): Record<string, unknown> {
  return {
    type: 'about:blank',
    title: titles[status] ?? 'Error',
    status,
    code,
    detail,
    ...(errors === undefined ? {} : { errors }),
  };
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status } = problem;
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="posthorn"');
  if (status === 503 || status === 429) void reply.header('retry-after', String(problem.retryAfterS));
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemDocument(problem));
}

/** The whole answer as text, for a request that never became one; the connection ends with it. */
export function rawProblem(problem: Problem): string {
  const body = JSON.stringify(problemDocument(problem));
  return [
    `HTTP/1.1 ${problem.status} ${titles[problem.status] ?? 'Error'}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
