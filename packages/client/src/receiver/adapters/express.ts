import { WebhookVerificationError } from '../errors.ts';
import { type Answer, methodNotAllowed } from '../problem.ts';
import type { Receiver } from '../receiver.ts';
import { toRaw } from '../verify.ts';
import { type NodeRequest, type NodeResponse, readStream, writeAnswer } from './node.ts';

/** What parsers leave on the request. */
export type ParsedRequest = NodeRequest & { readonly body?: unknown; readonly rawBody?: unknown };

const advice =
  "Register the webhook's route above express.json() and other parsers, or give it express.raw({ type: '*/*' })";

/** Returns a handler for a route of Express 4 or 5: `app.post('/hook', expressHandler(receiver))`. */
export function expressHandler(receiver: Receiver) {
  return async (request: ParsedRequest, response: NodeResponse): Promise<void> =>
    writeAnswer(response, await answerTo(receiver, request, advice));
}

/** Reads what a parser kept as bytes, or the stream; a body that was parsed is an error that says what to do instead. */
export async function answerTo(
  receiver: Receiver,
  request: ParsedRequest,
  howToKeepBytes: string,
): Promise<Answer> {
  if (request.method !== 'POST') return methodNotAllowed;
  return await receiver.receive({
    headers: request.headers,
    read: (maxBytes) => read(request, maxBytes, howToKeepBytes),
  });
}

function read(request: ParsedRequest, maxBytes: number, howToKeepBytes: string): unknown {
  for (const kept of [request.rawBody, request.body]) {
    if (typeof kept === 'string' || ArrayBuffer.isView(kept)) return toRaw(kept);
  }
  if (request.readableDidRead)
    throw new WebhookVerificationError(
      'body_not_raw',
      `The body was parsed before the receiver. ${howToKeepBytes}.`,
    );
  return readStream(request, maxBytes, howToKeepBytes);
}
