import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

type Answer = { code: number; out: string; err: string };

let server: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
const files = mkdtempSync(join(tmpdir(), 'posthorn-cli-'));
const run = (...args: string[]): Promise<Answer> =>
  runHere(...args, '--url', server.url, '--api-key', apiKey);
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await run(...args, '--json')).out) as Record<string, unknown>;
function aFile(name: string, text: string): string {
  const path = join(files, name);
  writeFileSync(path, text);
  return path;
}

beforeAll(async () => {
  server = await serve();
  receiver = await aReceiver((request, response) => {
    response.statusCode = request.path.endsWith('bad') ? 503 : 200;
    response.end();
  });
  for (const team of ['shop', 'a', 'b'])
    await run('teams', 'put', team, '--file', aFile(`${team}.yaml`, 'description: a team'));
});
afterAll(async () => {
  await server.stop();
  await receiver.close();
});

test('posthorn endpoints: from nothing to a tested endpoint and back', async () => {
  expect((await run('endpoints')).out).toContain('posthorn endpoints create');
  const made = await run(
    'endpoints',
    'create',
    receiver.url,
    '--name',
    'orders',
    '--event-types',
    'payment.*,order.*',
    '--owner',
    'shop',
    '--rate-limit',
    '1000',
  );
  // The secret alone, for a script.
  expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^whsec_\S+\n$/) });
  expect(made.err).toContain('127.0.0.1');
  const list = await run('endpoints', 'list');
  expect(list.out).toMatch(/ep_\S+ +orders +127\.0\.0\.1:\d+ +idle +shop +0 +0/);
  expect((await run('endpoints', 'get', 'orders')).out).toContain('payment.* order.*');
  expect(await run('endpoints', 'ensure', 'orders', receiver.url, '--owner', 'shop')).toMatchObject({
    code: 0,
    out: expect.stringContaining('is configured as given'),
  });
  expect(await run('endpoints', 'test', 'orders')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^dlv_\S+: delivered in \d+ ms \(status 200\)/),
  });
  expect(receiver.requests.length).toBeGreaterThan(0);
  expect((await run('endpoints', 'health', 'orders')).out).toMatch(/state +healthy/);
  expect((await run('endpoints', 'rotate-secret', 'orders', '--grace', '60')).out).toMatch(/^whsec_\S+\n$/);
  expect((await run('endpoints', 'pause', 'orders', '--reason', 'migration')).code).toBe(0);
  expect((await run('endpoints', 'get', 'orders')).out).toContain('paused: migration');
  expect((await run('endpoints', 'list', '--state', 'paused')).out).toContain('orders');
  expect((await run('endpoints', 'resume', 'orders')).err).toContain('posthorn redrive --state suppressed');
  expect(await run('endpoints', 'delete', 'orders')).toMatchObject({ code: 2 });
  expect((await run('endpoints', 'delete', 'orders', '--yes')).out).toMatch(/^deleted ep_/);
  expect(await run('endpoints', 'get', 'orders')).toMatchObject({ code: 1 });
});

test('everything without an option comes from a document, and options take precedence', async () => {
  const path = aFile(
    'ep.yaml',
    `url: http://other.example\nmax_in_flight: 7\nmetadata: { plan: gold }\nowner: a\n`,
  );
  const made = await json('endpoints', 'create', receiver.url, '--file', path, '--owner', 'b');
  expect(made).toMatchObject({
    url: receiver.url,
    max_in_flight: 7,
    metadata: { plan: 'gold' },
    owner: 'b',
  });
  const list = aFile('list.yaml', '- 1');
  expect(await run('endpoints', 'create', receiver.url, '--file', list)).toMatchObject({ code: 2 });
  await run('endpoints', 'delete', String(made['id']), '--yes');
});

test('a subscription to a type without a wildcard is answered with what it does not cover', async () => {
  const url = `${receiver.url}/plain`;
  const made = await run('endpoints', 'ensure', 'plain', url, '--event-types', 'payment,refund.*');
  expect(made.err).toContain('payment is the type payment alone');
  expect(made.err).not.toContain('refund');
  await run('endpoints', 'delete', 'plain', '--yes');
});

test('a channel is declared, shown without its secret, and deleted', async () => {
  const file = aFile('channel.yaml', `kind: webhook\nurl: ${receiver.url}/hush\n`);
  expect(await run('channels', 'put', 'night', '--file', file)).toMatchObject({ code: 0, err: '' });
  const { out } = await run('channels', 'get', 'night');
  expect(JSON.parse(out)).toMatchObject({ name: 'night', kind: 'webhook' });
  expect(out).not.toContain('hush');
  expect((await run('channels', 'delete', 'night')).code).toBe(2);
  expect(await run('channels', 'delete', 'night', '--yes')).toMatchObject({ code: 0 });
  expect((await run('channels', 'get', 'night')).code).toBe(1);
});

test('an endpoint whose test fails ends with 1, and its attempts, events and sums are found', async () => {
  const bad = `${receiver.url}/bad`;
  await run('endpoints', 'create', bad, '--name', 'bad', '--event-types', 'payment.*');
  expect(await run('endpoints', 'test', 'bad')).toMatchObject({
    code: 1,
    out: expect.stringContaining('status 503, http_5xx'),
  });
  const events = aFile(
    'events.jsonl',
    '{"id":"pay-1","type":"payment.succeeded","data":{},"value":{"amount_minor":1234,"currency":"EUR"}}\n{"id":"x-1","type":"unused.type","data":{}}\n',
  );
  expect((await run('publish', events)).code).toBe(0);
  await until(
    'it was attempted',
    async () => ((await json('attempts', '--event-id', 'pay-1'))['items'] as unknown[]).length > 0,
  );
  expect((await run('attempts', '--event-id', 'pay-1', '--status-class', '5xx')).out).toMatch(
    /dlv_\S+ +1 +(now|\d+ s ago) +\d+ +503 +retry +http_5xx/,
  );
  const unmatched = await run('events', 'list', '--unmatched', '--since', '1h');
  expect(unmatched.out).toContain('x-1');
  expect(unmatched.out).not.toContain('pay-1');
  expect((await run('events', '--type', 'payment.succeeded')).out).toContain('12.34 EUR');
  expect((await run('events', 'get', 'pay-1')).out).toMatch(/dlv_\S+ +ep_\S+ +pending/);
  expect((await run('deliveries', '--event-id', 'pay-1')).out).toMatch(
    /dlv_\S+ +payment\.succeeded +127\.0\.0\.1:\d+ +pending/,
  );
  const sums = await run('accounting', '--since', 'today', '--by', 'event_type');
  expect(sums.code).toBe(0);
  expect(sums.out).toMatch(/payment\.succeeded +1 +0/);
  expect((await json('accounting'))['unaccounted']).toBe(0);
});

describe.each([
  ['teams', 'payments', 'description: takes payments'],
  ['templates', 'slow', 'deliver_within_s: 600\ntimeout_ms: 1000'],
  ['event-types', 'payment.failed', 'description: a payment failed'],
])('posthorn %s', (command, name, document) => {
  test('declares, lists, shows and deletes', async () => {
    const path = aFile(`${command}.yaml`, document);
    expect((await run(command, 'put', name, '--file', path)).out).toBe(`${name} is declared as given\n`);
    expect((await run(command)).out).toContain(name);
    expect(JSON.parse((await run(command, 'get', name)).out)).toMatchObject({ name });
    expect(await run(command, 'delete', name)).toMatchObject({ code: 2 });
    expect((await run(command, 'delete', name, '--yes')).out).toBe(`deleted ${name}\n`);
    expect(await run(command, 'get', name)).toMatchObject({ code: 1 });
    expect(await run(command, 'put', name, '--file', join(files, 'none.yaml'))).toMatchObject({ code: 2 });
  });
});

test.each([
  ['endpoints', 'list', '--state', 'broken'],
  ['endpoints', 'list', '--columns', 'url,nonsense'],
  ['endpoints', 'create'],
  ['endpoints', 'create', 'https://a.example', '--max-in-flight', 'many'],
  ['endpoints', 'erase', 'orders'],
  ['events', 'list', '--since', 'soon'],
  ['events', 'list', '--limit', 'abc'],
  ['attempts', '--outcome', 'lost'],
  ['accounting', '--by', 'color'],
  ['deliveries', '--since', '2026-02-31'],
  ['teams', 'put', 'x'],
])('wrong usage ends with 2 before anything is sent: %s %s %s %s', async (...args) => {
  // Nothing listens there.
  const answer = await runHere(...args, '--url', 'http://127.0.0.1:9', '--api-key', apiKey);
  expect(answer).toMatchObject({ code: 2 });
  expect(answer.err).not.toContain('127.0.0.1:9');
});

test('what is shown fits 80 columns, and a file gets all of it', async () => {
  const { columns, isTTY } = process.stdout;
  await run(
    'endpoints',
    'create',
    `${receiver.url.replace('127.0.0.1', 'localhost')}/${'x'.repeat(60)}`,
    '--name',
    'n'.repeat(60),
  );
  try {
    process.stdout.isTTY = true;
    process.stdout.columns = 80;
    for (const args of [['endpoints'], ['deliveries'], ['events'], ['attempts']]) {
      const { out } = await run(...args);
      expect(Math.max(...out.split('\n').map((line) => line.length)), args.join(' ')).toBeLessThanOrEqual(80);
      expect(out).toMatch(/(ep|dlv|evt)_|pay-1/);
    }
  } finally {
    process.stdout.isTTY = isTTY;
    process.stdout.columns = columns;
  }
  expect((await run('endpoints', 'list')).out).toContain('n'.repeat(60));
  expect((await run('endpoints', '--columns', 'url,name')).out).toMatch(/^url +name/);
  expect((await run('endpoints', '--wide')).out).toContain('event-types');
});
