import { type ClientOptions, createClient } from '../packages/client/src/index.ts';

/** Requests in the format of the HTTP API; tests match the responses where they use them. */
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
