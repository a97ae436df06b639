import { WebhookVerificationError } from '../errors.ts';
import { type Answer, methodNotAllowed } from '../problem.ts';
import type { Receiver } from '../receiver.ts';
import { checkLength, concat, tooLarge } from './node.ts';

/** Returns a handler from `Request` to `Response`: Bun, Deno, Cloudflare Workers. */
export function webHandler(receiver: Receiver) {
  return async (request: Request): Promise<Response> => {
    if (request.method !== 'POST') return toResponse(methodNotAllowed);
    return toResponse(
      await receiver.receive({
        headers: request.headers,
        read: (maxBytes) =>
          readRequest(request, maxBytes, 'Call the receiver before request.json() or request.text()'),
      }),
    );
  };
}

export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers });
}

/** Reads a body that nothing has read yet, up to a bound. */
export async function readRequest(request: Request, maxBytes: number, advice: string): Promise<Uint8Array> {
  if (request.bodyUsed)
    throw new WebhookVerificationError('body_not_raw', `The body was read before the receiver. ${advice}.`);
  checkLength(request.headers.get('content-length'), maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body?.getReader();
  try {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      bytes += part.value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(part.value);
    }
  } catch (error) {
    if (error instanceof WebhookVerificationError) {
      // Not awaited: what the sender still sends is not our concern.
      reader?.cancel().catch(() => {});
      throw error;
    }
    throw new WebhookVerificationError(
      'body_incomplete',
      'The connection ended before the body was complete',
    );
  }
  return concat(chunks, bytes);
}
