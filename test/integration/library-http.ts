import { hash } from 'node:crypto';
import { createPosthorn, type Posthorn, type PosthornOptions } from '../../packages/posthorn/src/index.ts';
import { secretKey } from '../support.ts';
import { apiKey } from './serving.ts';

export const adminKeyHashes: readonly string[] = [hash('sha256', apiKey)];

/** A node inside this process, whose HTTP API `requestTo` may ask. */
export async function createNode(options: PosthornOptions): Promise<Posthorn> {
  return await createPosthorn({ adminKeyHashes, secretKey, ...options });
}

const urls = new WeakMap<Posthorn, Promise<string>>();

/** Where a node in this process listens, from the first call on. */
export async function listening(posthorn: Posthorn): Promise<string> {
  const url = urls.get(posthorn) ?? posthorn.listen({ host: '127.0.0.1', port: 0 });
  urls.set(posthorn, url);
  return await url;
}

/** A request to the HTTP API of a node in this process, which listens from the first one on. */
export async function requestTo(
  posthorn: Posthorn,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch((await listening(posthorn)) + path, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}
