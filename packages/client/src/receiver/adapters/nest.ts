import type { Receiver } from '../receiver.ts';
import { answerTo, type ParsedRequest } from './express.ts';
import type { FastifyReplyParts } from './fastify.ts';
import { type NodeResponse, writeAnswer } from './node.ts';

const advice = 'Create the application with NestFactory.create(AppModule, { rawBody: true })';

/** Fastify's own request, which its parsers have read: `rawBody` keeps what they read. */
type NestFastifyRequest = Pick<ParsedRequest, 'method' | 'headers' | 'body' | 'rawBody'>;

/**
 * Returns what a method of a controller calls with `@Req()` and `@Res()`, on `@nestjs/platform-express` and
 * `@nestjs/platform-fastify`. The application has to be created with `rawBody: true`.
 */
export function nestHandler(receiver: Receiver) {
  return async (
    request: ParsedRequest | NestFastifyRequest,
    response: NodeResponse | FastifyReplyParts,
  ): Promise<void> => {
    if ('writeHead' in response) {
      writeAnswer(response, await answerTo(receiver, request as ParsedRequest, advice));
      return;
    }
    const { status, headers, body } = await answerTo(receiver, alreadyRead(request), advice);
    response.code(status);
    response.headers(headers);
    response.send(body);
  };
}

/** Fastify's request as one whose stream is at its end. */
function alreadyRead({ method, headers, body, rawBody }: NestFastifyRequest): ParsedRequest {
  return { method, headers, body, rawBody, readableDidRead: true, on: () => {}, pause: () => {} };
}
