import type { FastifyReply } from 'fastify';
import { errorKinds } from '../contract/errors.ts';
import type { PosthornError } from '../domain/errors.ts';

/** An RFC 9457 problem document. `type` leads to the page of this server that explains the code. */
function problemDocument({ code, message: detail, errors }: PosthornError, requestId: string): object {
  const { status, title } = errorKinds[code];
  return {
    type: `/errors/${code}`,
    title,
    status,
    code,
    detail,
    request_id: requestId,
    ...(errors.length === 0 ? {} : { errors }),
  };
}

const shouldWait = new Set([429, 503]);

export function sendProblem(reply: FastifyReply, error: PosthornError): FastifyReply {
  const { status } = errorKinds[error.code];
  // A request refused before routing has passed no hook.
  void reply.header('request-id', reply.request.id);
  if (status === 401) void reply.header('www-authenticate', 'Bearer realm="posthorn"');
  if (shouldWait.has(status) || error.retryAfterS !== null)
    void reply.header('retry-after', String(error.retryAfterS ?? 1));
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemDocument(error, reply.request.id));
}

/** The whole answer as text, for what never became a request; the connection ends with it. */
export function rawProblem(error: PosthornError, requestId: string): string {
  const { status, title } = errorKinds[error.code];
  const body = JSON.stringify(problemDocument(error, requestId));
  return [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `request-id: ${requestId}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
