import type { Receiver } from '../receiver.ts';
import { webHandler } from './web.ts';

/** Returns the handler of a route of Next.js, `app/hook/route.ts`: `export const POST = nextHandler(receiver)`. */
export function nextHandler(receiver: Receiver): (request: Request) => Promise<Response> {
  return webHandler(receiver);
}
