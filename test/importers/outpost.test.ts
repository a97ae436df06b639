import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHere } from '../integration/run-here.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { applied, importTwice } from './applied.ts';
import { aesSecret, sealed } from './outpost-sealed.ts';
import { startRedis, type TestRedis } from './redis-server.ts';

// `posthorn import outpost` on hashes as that server writes them.

const secret = `whsec_${'0123456789abcdef'.repeat(4)}`;
let redis: TestRedis;
let receiver: Awaited<ReturnType<typeof aReceiver>>;

beforeAll(async () => {
  receiver = await aReceiver();
  redis = await startRedis('pass');
  const tenant = (
    id: string,
    destinations: Record<string, Record<string, string | Buffer>>,
    fields = {},
  ): void => {
    redis.hashes.set(`tenant:{${id}}:tenant`, { id, entity: 'tenant', created_at: '1', ...fields });
    redis.hashes.set(
      `tenant:{${id}}:destinations`,
      Object.fromEntries(Object.keys(destinations).map((name) => [name, '{}'])),
    );
    for (const [name, of] of Object.entries(destinations))
      redis.hashes.set(`tenant:{${id}}:destination:${name}`, {
        id: name,
        type: 'webhook',
        topics: '*',
        config: JSON.stringify({ url: receiver.url }),
        credentials: sealed({ secret }),
        created_at: '1',
        ...of,
      });
  };
  tenant(
    'acme',
    {
      des_main: {
        topics: 'invoice.paid,user.*',
        config: JSON.stringify({ url: receiver.url, custom_headers: '{"x-token":"t","webhook-id":"no"}' }),
        delivery_metadata: sealed({ source: 'shop' }),
        filter: JSON.stringify({ data: { amount: { $gte: 100 } } }),
      },
      des_queue: { type: 'aws_sqs' },
      des_filter: { filter: JSON.stringify({ metadata: { a: 1 } }) },
      des_sealed: { credentials: sealed({ secret }, 'another') },
      des_json: { config: '{broken' },
      des_gone: { deleted_at: '5' },
    },
    { metadata: '{"plan":"pro"}' },
  );
  tenant('other', { des_off: { disabled_at: '5' } });
  tenant('deleted', { des_x: {} }, { deleted_at: '5' });
  redis.hashes.set('dp_1:tenant:{deployed}:tenant', { id: 'deployed' });
});
afterAll(async () => {
  await receiver.close();
  await redis.close();
});

const variables = { AES_ENCRYPTION_SECRET: aesSecret };

test('webhook destinations become endpoints with their secrets, and receivers verify by them', async () => {
  const file = join(tempDir(), 'outpost.yaml');
  const { report, document } = await importTwice(
    ['import', 'outpost', '--redis-url', redis.url],
    file,
    variables,
  );
  expect(report).toMatchObject({ tenants: 2, endpoints: 2 });
  expect(report.skipped.map(({ id }) => id).toSorted()).toEqual([
    'des_filter',
    'des_json',
    'des_queue',
    'des_sealed',
  ]);
  expect(report.skipped.find(({ id }) => id === 'des_sealed')?.reason).toContain('AES_ENCRYPTION_SECRET');
  expect(report.changed.filter(({ id }) => id === 'des_main')).toHaveLength(3);
  expect(document.endpoints['acme/imported-des_main']).toMatchObject({
    event_types: ['invoice.paid', 'user.*'],
    headers: { 'x-token': 't', 'x-outpost-source': 'shop' },
    filter: { '/amount': { gte: 100 } },
  });
  expect(document.endpoints['other/imported-des_off']).toMatchObject({ enabled: false });

  const server = await applied(file);
  const publish = (amount: number) =>
    server.client.request('POST', '/v1/events', { tenant: 'acme', type: 'invoice.paid', data: { amount } });
  expect(await publish(99)).toMatchObject({ deliveries: 0 });
  expect(await publish(100)).toMatchObject({ deliveries: 1 });
  await until('it has arrived', () => receiver.requests.length === 1);
  const { headers, body } = receiver.requests[0]!;
  const known = Buffer.from(secret).toString('base64');
  expect(new Webhook(known).verify(body, headers as Record<string, string>)).toEqual({ amount: 100 });
  expect(headers).toMatchObject({ 'x-token': 't', 'x-outpost-source': 'shop' });
  await server.stop();
});

test('in the mode standard the secret and the headers stay as they are', async () => {
  const key = Buffer.alloc(32, 4).toString('base64');
  redis.hashes.set('dp_1:tenant:{deployed}:destinations', { des_s: '{}' });
  redis.hashes.set('dp_1:tenant:{deployed}:destination:des_s', {
    id: 'des_s',
    type: 'webhook',
    topics: '*',
    config: JSON.stringify({ url: receiver.url }),
    credentials: sealed({ secret: `whsec_${key}` }),
  });
  const file = join(tempDir(), 'outpost.yaml');
  const args = ['import', 'outpost', '--redis-url', redis.url, '--deployment-id', 'dp_1'];
  const { report, document } = await importTwice(
    [...args, '--webhook-mode', 'standard', '--header-prefix', 'x-shop-'],
    file,
    variables,
  );
  expect(report).toMatchObject({ tenants: 1, endpoints: 1, skipped: [], changed: [] });
  expect(document.endpoints['deployed/imported-des_s']).toMatchObject({
    secret: `whsec_${key}`,
    header_prefixes: ['x-shop', 'webhook'],
  });
});

test('a wrong password, a closed port and a missing secret are clear errors', async () => {
  const run = (url: string, ...args: readonly string[]) =>
    runHere('import', 'outpost', '--redis-url', url, '--dry-run', ...args);
  const secretOption = ['--encryption-secret', aesSecret];
  expect(await run(redis.url)).toMatchObject({ code: 2, out: '' });
  const refused = await run(redis.url.replace('pass@', 'wrong@'), ...secretOption);
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.err).toContain('WRONGPASS');
  const closed = await run('redis://127.0.0.1:1', ...secretOption);
  expect(closed.err).toContain('cannot read Redis: connect ECONNREFUSED');
  const other = await run(receiver.url.replace('http:', 'redis:'), ...secretOption);
  expect(other.code).toBe(1);
});
