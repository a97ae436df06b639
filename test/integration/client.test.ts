import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../packages/client/src/index.ts';
import { apiKey, serve } from './serving.ts';

// The client against a real server, through a proxy that cuts the answers of requests that were carried out.

let serving: Awaited<ReturnType<typeof serve>>;
let client: Client;
let cuts = 0;
let forwarded: string[] = [];
async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat((await request.toArray()) as Buffer[]);
  const { authorization, 'content-type': type, 'idempotency-key': key } = request.headers;
  const answer = await fetch(serving.url + request.url!, {
    method: request.method!,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(type === undefined ? {} : { 'content-type': type }),
      ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
    },
    ...(body.length === 0 ? {} : { body }),
  });
  forwarded.push(`${request.method} ${answer.status}`);
  const text = await answer.text();
  if (cuts-- > 0) response.destroy();
  else response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(text);
}
const proxy = createServer((request, response) => void forward(request, response));
beforeAll(async () => {
  serving = await serve();
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  client = createClient(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, apiKey);
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await serving.stop();
});
beforeEach(() => {
  forwarded = [];
  cuts = 0;
});

describe('a POST whose answers are cut has one effect (G1)', () => {
  test('an endpoint is created once, and its secret is answered', async () => {
    cuts = 2;
    const { id, secret } = await client.endpoints.create({ url: 'http://127.0.0.1:9/hook' });
    expect(forwarded).toEqual(['POST 201', 'POST 201', 'POST 201']);
    expect(secret).toMatch(/^whsec_/);
    const ids: string[] = [];
    for await (const endpoint of client.endpoints.list()) ids.push(endpoint.id);
    expect(ids).toEqual([id]);
  });

  test('an event and a batch are accepted once', async () => {
    const before = await client.accounting.get();
    cuts = 1;
    const receipt = await client.events.publish({ type: 'a', data: { snake_case: 1.5 } });
    expect(receipt).toMatchObject({ type: 'a', duplicate: true });
    cuts = 1;
    const { accepted } = await client.events.publishBatch({ events: [{ type: 'a', data: 1 }] });
    expect(accepted).toHaveLength(1);
    expect(await client.events.get(receipt.id)).toMatchObject({ data: { snake_case: 1.5 } });
    expect((await client.accounting.get()).events - before.events).toBe(2);
  });
});

test('every page of a list, one item at a time', async () => {
  const wanted = ['a', 'b', 'c', 'd', 'e'];
  for (const name of wanted) await client.teams.put(`team-${name}`, {});
  const names: string[] = [];
  for await (const { name } of client.teams.list({ limit: 2 })) names.push(name);
  expect(names).toEqual(wanted.map((name) => `team-${name}`));
  expect(forwarded.filter((one) => one === 'GET 200')).toHaveLength(3);
});

test('a refusal names the fields as the caller wrote them, and the request', async () => {
  await expect(
    client.endpoints.create({ url: 'http://127.0.0.1:9/', eventTypes: ['not a type'], timeoutMs: 1 }),
  ).rejects.toMatchObject({
    status: 422,
    code: 'invalid_request',
    errors: expect.arrayContaining([
      { path: '/eventTypes/0', message: expect.any(String) as string },
      { path: '/timeoutMs', message: expect.any(String) as string },
    ]) as unknown,
    requestId: expect.stringMatching(/^\S+$/) as string,
  });
});
