import { afterAll, beforeAll } from 'vitest';
import { apiKey, serve } from '../integration/serving.ts';
import { aReceiver, type Received } from '../support.ts';

// One server and one receiver for all tests of the API under /api/v1.

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
/** Paths whose requests fail. */
export const failing = new Set<string>();

/** Starts them before the tests of the file that calls it. */
export function useServer(): void {
  beforeAll(async () => {
    receiver = await aReceiver(({ path }, response) => {
      response.statusCode = failing.has(path) ? 500 : 200;
      response.end('{"ok":true}');
    });
    server = await serve();
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });
}

/** What tests read of answers. */
interface Body {
  readonly id: string;
  readonly token: string;
  readonly payload: unknown;
  readonly data: readonly { readonly id: string; readonly msgId?: string }[];
}

let names = 0;
export const fresh = (what: string): string => `${what}-${String(++names)}`;
export const at = (path: string): string => new URL(path, receiver.url).href;
export const receivedAt = (path: string): readonly Received[] =>
  receiver.requests.filter((request) => request.path === path);

export const serverUrl = (): string => server.url;

/** A request without a client, for what clients never send. */
export async function raw(
  method: string,
  path: string,
  {
    key = apiKey,
    body,
    headers = {},
  }: { key?: string | null; body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; body: Body; text: string; headers: Headers }> {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: (text === '' ? null : JSON.parse(text)) as Body,
    headers: response.headers,
  };
}
