import { type ClientOptions, createClient } from '../packages/client/src/index.ts';

/** Requests in the words of the wire, whose answers a test matches where it uses them. */
export interface WireClient {
  request<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
}

export function createWireClient(url: string, apiKey: string, options?: ClientOptions): WireClient {
  const client = createClient(url, apiKey, options);
  return {
    request: async <T>(method: string, path: string, body?: unknown) =>
      (await client.request(method, path, body)) as T,
  };
}
