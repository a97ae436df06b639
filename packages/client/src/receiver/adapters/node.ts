import { WebhookVerificationError } from '../errors.ts';
import { type Answer, methodNotAllowed } from '../problem.ts';
import type { Receiver } from '../receiver.ts';

/** What is needed of Node's `IncomingMessage`. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Whether anything has read of the stream. */
  readonly readableDidRead: boolean;
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  pause(): unknown;
}

/** What is needed of Node's `ServerResponse`. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
}

/** Returns a handler for `createServer` of `node:http`, and for what is like it (pages/api of Next.js, Connect). */
export function nodeHandler(receiver: Receiver) {
  return async (request: NodeRequest, response: NodeResponse): Promise<void> => {
    const answer =
      request.method === 'POST'
        ? await receiver.receive({
            headers: request.headers,
            read: (maxBytes) =>
              readStream(request, maxBytes, 'Nothing may read or parse the request before the receiver does'),
          })
        : methodNotAllowed;
    writeAnswer(response, answer);
  };
}

export function writeAnswer(response: NodeResponse, { status, headers, body }: Answer): void {
  // What is left of a body that is too large is not worth reading.
  response.writeHead(status, { ...headers, ...(status === 413 ? { connection: 'close' } : {}) });
  response.end(body);
}

/** Reads a body that nothing has touched yet. `advice` says how to bring that about in this framework. */
export function readStream(request: NodeRequest, maxBytes: number, advice: string): Promise<Uint8Array> {
  if (request.readableDidRead)
    throw new WebhookVerificationError('body_not_raw', `The body was read before the receiver. ${advice}.`);
  checkLength(request.headers['content-length'], maxBytes);
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const refuse = (error: WebhookVerificationError): void => {
      request.pause();
      reject(error);
    };
    request.on('data', (chunk) => {
      const part = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      bytes += part.length;
      if (bytes > maxBytes) refuse(tooLarge(maxBytes));
      else chunks.push(part);
    });
    request.on('end', () => resolve(concat(chunks, bytes)));
    const incomplete = (): void =>
      reject(
        new WebhookVerificationError('body_incomplete', 'The connection ended before the body was complete'),
      );
    request.on('close', incomplete);
    request.on('error', incomplete);
  });
}

export function checkLength(contentLength: unknown, maxBytes: number): void {
  if (Number(contentLength) > maxBytes) throw tooLarge(maxBytes);
}

export function tooLarge(maxBytes: number): WebhookVerificationError {
  return new WebhookVerificationError('body_too_large', `The body is longer than ${maxBytes} bytes`);
}

export function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
