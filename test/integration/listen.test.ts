import { verifyWebhook } from '@posthorn/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
let remote: Awaited<ReturnType<typeof aReceiver>>;
let local: Awaited<ReturnType<typeof aReceiver>>;
let secret: string;
const listen = (...args: string[]): ReturnType<typeof runHere> =>
  runHere('listen', 'orders', '--forward', local.url, ...args, '--url', server.url, '--api-key', apiKey);
const publish = (id: string, type = 'payment.succeeded'): Promise<unknown> =>
  server.client.request('POST', '/v1/events', { id, type, data: { amount: '12.10', text: 'ä\u2028' } });

beforeAll(async () => {
  server = await serve();
  remote = await aReceiver();
  local = await aReceiver(({ body }, response) => {
    response.statusCode = body.includes('refund') ? 500 : 200;
    response.end('the handler broke');
  });
  const endpoint = await server.client.request<{ secret: string }>('POST', '/v1/endpoints', {
    name: 'orders',
    url: remote.url,
  });
  secret = endpoint.secret;
});
afterAll(async () => {
  await server.stop();
  await remote.close();
  await local.close();
});

test('copies of deliveries come to this machine, with their bytes and a signature that holds, beside the deliveries', async () => {
  await publish('before');
  const listening = listen(
    '--secret',
    secret,
    '--since',
    '1m',
    '--type',
    'payment.*',
    '--count',
    '3',
    '--json',
  );
  await publish('other', 'refund.created');
  await publish('second');
  await publish('third', 'payment.failed');
  const { code, out } = await listening;
  expect(code).toBe(0);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event_id: string; status: number });
  expect(lines.map((line) => [line.event_id, line.status])).toEqual([
    ['before', 200],
    ['second', 200],
    ['third', 200],
  ]);
  const copies = local.requests.splice(0);
  const events = copies.map(({ headers, body }) => verifyWebhook(secret, headers, body));
  expect(events.map(({ id }) => id)).toEqual(['before', 'second', 'third']);
  const original = remote.requests.find(({ headers }) => headers['webhook-id'] === 'second')!;
  expect(copies[1]!.body.equals(original.body)).toBe(true);
});

test('one past event is replayed, and its answer decides the exit code', async () => {
  await publish('good');
  await publish('bad', 'refund.created');
  expect(await listen('--replay', 'good')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/dlv_\S+ {2}payment\.succeeded {2}200 in \d+ ms/),
    err: expect.stringContaining('not signed'),
  });
  expect(local.requests.at(-1)!.headers['webhook-signature']).toBeUndefined();
  expect(await listen('--replay', 'bad')).toMatchObject({
    code: 1,
    out: expect.stringContaining('the handler broke'),
  });
  expect(await listen('--replay', 'never')).toMatchObject({ code: 1 });
});

test('a receiver that is not there is said, and what is wrong is said before anything is sent', async () => {
  const args = ['listen', 'orders', '--url', server.url, '--api-key', apiKey];
  expect(await runHere(...args, '--forward', 'http://127.0.0.1:9/x', '--replay', 'good')).toMatchObject({
    code: 1,
    out: expect.stringContaining('no response ('),
  });
  expect(await runHere(...args, '--forward', 'localhost:3000')).toMatchObject({ code: 2 });
  expect(await listen('--secret', 'nonsense')).toMatchObject({ code: 2 });
  const masked = await server.client.request<{ key: string }>('POST', '/v1/keys', {
    name: 'masked',
    scopes: ['read'],
    payloads: 'masked',
  });
  expect(
    await runHere(
      'listen',
      'orders',
      '--forward',
      local.url,
      '--replay',
      'good',
      '--url',
      server.url,
      '--api-key',
      masked.key,
    ),
  ).toMatchObject({ code: 1, err: expect.stringContaining('--payloads full') });
});
