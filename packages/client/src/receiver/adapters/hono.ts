import { WebhookVerificationError } from '../errors.ts';
import { methodNotAllowed } from '../problem.ts';
import type { Receiver } from '../receiver.ts';
import { readRequest, toResponse } from './web.ts';

/** What is needed of a `Context` of Hono. */
export interface HonoContext {
  readonly req: {
    readonly raw: Request;
    /** Bodies that were read already, by the form in which they were. */
    readonly bodyCache: {
      readonly text?: unknown;
      readonly arrayBuffer?: unknown;
    };
  };
}

const advice = 'Call the receiver before c.req.formData(), c.req.parseBody() and validators of forms';

/** Returns a handler for a route of Hono: `app.post('/hook', honoHandler(receiver))`. */
export function honoHandler(receiver: Receiver) {
  return async ({ req }: HonoContext): Promise<Response> => {
    if (req.raw.method !== 'POST') return toResponse(methodNotAllowed);
    return toResponse(
      await receiver.receive({ headers: req.raw.headers, read: (maxBytes) => read(req, maxBytes) }),
    );
  };
}

/** Hono keeps what was read: the bytes are those that arrived, JSON printed again is not. */
async function read({ raw, bodyCache }: HonoContext['req'], maxBytes: number): Promise<unknown> {
  const kept = bodyCache.arrayBuffer ?? bodyCache.text;
  if (kept !== undefined) return kept;
  if (Object.keys(bodyCache).length > 0)
    throw new WebhookVerificationError('body_not_raw', `The body was parsed before the receiver. ${advice}.`);
  return await readRequest(raw, maxBytes, advice);
}
