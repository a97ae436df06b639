import { type Agent, fetch, type Headers } from 'undici';

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface AskedRequest {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** From whose address it comes. */
  readonly by?: Agent;
}

/** Asks a server over HTTP, and returns what it answers, whatever the status. */
export async function askAt(
  url: string,
  method: string,
  { body, headers = {}, by }: AskedRequest,
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(by === undefined ? {} : { dispatcher: by }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Body,
    headers: response.headers,
  };
}
