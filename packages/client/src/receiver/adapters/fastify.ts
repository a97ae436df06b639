import type { Receiver } from '../receiver.ts';
import { type NodeRequest, readStream } from './node.ts';

/** What is needed of an instance of Fastify. */
export interface FastifyScope {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: null) => void) => void,
  ): unknown;
  post(path: string, handler: (request: FastifyRequestParts, reply: FastifyReplyParts) => unknown): unknown;
}

export interface FastifyRequestParts {
  readonly raw: NodeRequest;
}

export interface FastifyReplyParts {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: string): unknown;
}

const advice = 'No hook of Fastify may read request.raw before the handler';

/**
 * Returns a plugin with one route: `app.register(fastifyPlugin(receiver, '/hook'))`. A plugin has content type parsers of its own, so
 * the body stays as it arrived here and is parsed as ever elsewhere.
 */
export function fastifyPlugin(receiver: Receiver, path: string) {
  return async (scope: FastifyScope): Promise<void> => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post(path, async ({ raw }, reply) => {
      const { status, headers, body } = await receiver.receive({
        headers: raw.headers,
        read: (maxBytes) => readStream(raw, maxBytes, advice),
      });
      reply.code(status);
      reply.headers({ ...headers, ...(status === 413 ? { connection: 'close' } : {}) });
      return reply.send(body);
    });
  };
}
