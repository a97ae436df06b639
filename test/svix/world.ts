import { afterAll, beforeAll } from 'vitest';
import type { Settings } from '../../packages/posthorn/src/config/settings.ts';
import { apiKey, serve } from '../integration/serving.ts';
import { aReceiver, type Received } from '../support.ts';

// One server and one receiver for all tests of the API under /api/v1.

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
/** Paths whose requests fail. */
export const failing = new Set<string>();
/** Paths that answer 410, which ends a delivery and disables the endpoint. */
export const gone = new Set<string>();

/** Starts them before the tests of the suite that calls it. */
export function useServer(settings: () => Promise<Partial<Settings>> = async () => ({})): void {
  beforeAll(async () => {
    receiver = await aReceiver(({ path }, response) => {
      response.statusCode = failing.has(path) ? 500 : gone.has(path) ? 410 : 200;
      response.end('{"ok":true}');
    });
    server = await serve(await settings());
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });
}

/** What tests read of an item of a list. */
interface Item {
  readonly id: string;
  readonly uid?: string;
  readonly msgId?: string;
  readonly status: number;
  readonly statusText: string;
  readonly nextAttempt?: string;
  readonly triggerType: number;
  readonly timestamp: string;
}

/** What tests read of answers. */
interface Body extends Omit<Item, 'status'> {
  readonly status: unknown;
  readonly token: string;
  readonly key: string;
  readonly disabled: boolean;
  readonly success: number;
  readonly fail: number;
  readonly payload: unknown;
  readonly detail: unknown;
  readonly data: readonly Item[];
  readonly items: readonly Item[];
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

type Answer = Awaited<ReturnType<typeof raw>>;

/** A new application, and calls below its path. */
export async function anApp(what: string): Promise<{
  readonly uid: string;
  get(path: string): Promise<Answer>;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  endpoint(fields: object): Promise<Body>;
  /** Sends a message, and returns its id. */
  send(eventType: string, fields?: object): Promise<string>;
  /** A call of Posthorn's own API. */
  own(method: string, path: string, body?: unknown): Promise<Answer>;
}> {
  const uid = fresh(what);
  await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => await raw(method, `/api/v1/app/${uid}${path}`, { body, headers });
  return {
    uid,
    call,
    get: async (path) => await call('GET', path),
    endpoint: async (fields) => (await call('POST', '/endpoint', fields)).body,
    send: async (eventType, fields = {}) =>
      (await call('POST', '/msg', { eventType, payload: {}, ...fields })).body.id,
    own: async (method, path, body) => await raw(method, path, { body }),
  };
}
