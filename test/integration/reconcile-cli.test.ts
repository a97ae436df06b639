import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempDir } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
const dir = tempDir();
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(async () => {
  server = await serve();
  process.env['POSTHORN_URL'] = server.url;
  process.env['POSTHORN_API_KEY'] = apiKey;
  await server.client.request('POST', '/v1/endpoints', {
    name: 'orders',
    url: 'http://127.0.0.1:1/',
    enabled: false,
  });
  const events = Array.from({ length: 5 }, (_, n) => ({
    id: `order-${n}`,
    type: 'order.paid',
    data: {},
    value: { amount_minor: 250, currency: 'EUR' },
  }));
  await server.client.request('POST', '/v1/events/batch', { events });
});
afterAll(async () => {
  delete process.env['POSTHORN_URL'];
  delete process.env['POSTHORN_API_KEY'];
  await server.stop();
});

const since = ['--since', '2020-01-01T00:00:00Z'];

test('a file of ids is compared, and what is missing is a finding', async () => {
  const csv = file('ids.csv', 'at,webhook_id\n1,order-0\n2,order-1\n3,strange\n');
  const { code, out } = await runHere('reconcile', 'orders', csv, ...since);
  expect(out).toContain('5 deliveries to orders in the window = 2 received + 3 missing');
  expect(out).toContain('Missing, worth 7.50 EUR: 3 suppressed');
  expect(out).toContain('1 received that were never sent');
  expect(out).toMatch(/order-4 +dlv_\w+ +suppressed/);
  expect(code).toBe(1);
  const json = await runHere('reconcile', 'orders', csv, ...since, '--json');
  const lines = json.out
    .trim()
    .split('\n')
    .map((line) => Object.keys(JSON.parse(line) as object)[0]);
  expect(lines).toEqual(['unexpected', 'missing', 'missing', 'missing', 'summary']);
});

test('where both sides have the same, the exit code is 0', async () => {
  const ids = file('all.txt', Array.from({ length: 5 }, (_, n) => `order-${n}`).join('\n'));
  const { code, out } = await runHere('reconcile', 'orders', ids, ...since);
  expect([code, out.trim()]).toEqual([0, '5 deliveries to orders in the window = 5 received + 0 missing']);
});

test('wrong usage ends with 2, and a line without an id is named', async () => {
  const bad = file('bad.csv', 'a,b\n1,2\n');
  expect(await runHere('reconcile', 'orders', bad, ...since)).toMatchObject({
    code: 2,
    err: expect.stringContaining('line 1 has several columns'),
  });
  expect((await runHere('reconcile', 'orders', join(dir, 'none'), ...since)).code).toBe(2);
  expect((await runHere('reconcile', 'orders')).code).toBe(2);
  expect(await runHere('reconcile', 'absent', bad.replace('bad', 'ids'), ...since)).toMatchObject({
    code: 1,
    err: expect.stringContaining('not_found'),
  });
});

test('--replay redrives what ended undelivered, leaves what is cancelled, and says so in JSON too', async () => {
  const { client } = server;
  await client.request('POST', '/v1/endpoints', {
    name: 'twice',
    url: 'http://127.0.0.1:1/',
    event_types: ['a.b'],
    enabled: false,
  });
  const events = ['kept', 'paused'].map((id) => ({ id, type: 'a.b', data: {} }));
  await client.request('POST', '/v1/events/batch', { events });
  const ids = file('kept.txt', 'kept\n');
  const { code, out } = await runHere('reconcile', 'twice', ids, ...since, '--replay', '--json');
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
  expect(lines.map((line) => Object.keys(line)[0])).toEqual(['missing', 'summary', 'redrive']);
  expect(lines.at(-1)!['redrive']).toMatchObject({ matched: 1, filter: { event_id: ['paused'] } });
  expect(lines.at(-1)!['redrive']!['name']).toMatch(/^missing at twice, found 20/);
  expect(code).toBe(0);
  const none = await runHere('reconcile', 'twice', 'absent.txt', 'third', '--endpoint', 'x', ...since);
  expect(none.code).toBe(2);
});
