// Makes the data that an upgrade begins with, by a version's own server: `node test/upgrades/make.ts <checkout> <name> [database URL]`
// writes test/data/upgrades/<name>.db.gz, and with an empty database <name>.sql.gz (pg_dump has to be on the path). A release adds its own.

import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const apiKey = 'phk_upgrade_0123456789abcdef';
const [checkout, name, databaseUrl] = process.argv.slice(2);
if (checkout === undefined || name === undefined)
  throw new Error('usage: node test/upgrades/make.ts <checkout> <name> [database URL]');
const fixtures = join(import.meta.dirname, '../data/upgrades');
mkdirSync(fixtures, { recursive: true });

const receiver = createServer((request, response) => {
  request.resume();
  response.writeHead(request.url === '/ok' ? 200 : 500).end();
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');
const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

/** Everything that a version of 0.1 can declare, and deliveries in every state. */
async function fill(url: string): Promise<void> {
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
    return text === '' ? null : JSON.parse(text);
  };
  await call('PUT', '/v1/channels/ops', { kind: 'webhook', url: `${receiverUrl}/ok` });
  await call('PUT', '/v1/teams/payments', { channels: ['ops'] });
  await call('PUT', '/v1/teams/shop', { channels: ['ops'] });
  await call('PUT', '/v1/templates/cards', { timeout_ms: 5000, deliver_within_s: 60 });
  await call('PUT', '/v1/event-types/payment.succeeded', {
    owner: 'payments',
    value: { amount: '/amount', currency: '/currency' },
  });
  await call('PUT', '/v1/slos/payments', {
    target: 0.999,
    event_types: ['payment.*'],
    producer: 'payments',
    consumer: 'shop',
  });
  const endpoint = async (path: string, fields: object = {}): Promise<{ id: string }> =>
    (await call('POST', '/v1/endpoints', {
      url: `${receiverUrl}${path}`,
      event_types: ['payment.*'],
      ...fields,
    })) as { id: string };
  await endpoint('/ok', { owner: 'shop', template: 'cards', headers: { 'x-shop': 'berlin' } });
  await endpoint('/ok', { ordering: 'key', filter: { '/currency': 'EUR' } });
  await endpoint('/fails', { retry: { schedule_s: [0.1], jitter: 0 } });
  await endpoint('/fails-long', { retry: { schedule_s: [86_400], jitter: 0 } });
  const cancelled = await endpoint('/fails-too', { retry: { schedule_s: [86_400], jitter: 0 } });
  const paused = await endpoint('/ok');
  await call('POST', `/v1/endpoints/${paused.id}/pause`, {});
  for (let n = 0; n < 20; n++)
    await call('POST', '/v1/events', {
      id: `pay_${n}`,
      type: 'payment.succeeded',
      data: { amount: 1000 + n, currency: 'EUR', text: 'é ☃ "\\u0007"' },
      ordering_key: `customer_${n % 3}`,
    });
  await call('POST', '/v1/events', { id: 'unmatched', type: 'invoice.sent', data: [1.0, null] });
  const states = async (): Promise<Record<string, number>> =>
    (await call('GET', '/v1/accounting')) as Record<string, number>;
  const end = Date.now() + 60_000;
  for (let at = await states(); (at['dead'] ?? 0) < 20 || (at['delivered'] ?? 0) < 30; at = await states()) {
    if (Date.now() > end) throw new Error(JSON.stringify(at));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await call('DELETE', `/v1/endpoints/${cancelled.id}`);
  console.log(JSON.stringify(await states()));
}

async function make(directory: string, args: readonly string[], after: () => void): Promise<void> {
  const port = 18_400 + (process.pid % 1000);
  const env = {
    ...process.env,
    POSTHORN_API_KEY: apiKey,
    POSTHORN_SECRET_KEY: '',
    POSTHORN_PLAINTEXT_SECRETS: 'true',
  };
  const bin = join(checkout!, 'bin/posthorn.js');
  const server = spawn(
    process.execPath,
    [bin, 'serve', '--port', String(port), '--allow-private-networks', ...args],
    { cwd: directory, env, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 50));
  try {
    await fill(url);
  } finally {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
  after();
}

const directory = mkdtempSync(join(tmpdir(), 'posthorn-upgrade-'));
await make(directory, ['--data-dir', join(directory, 'data')], () => {
  const file = join(directory, 'posthorn.db');
  copyFileSync(join(directory, 'data/posthorn.db'), file);
  writeFileSync(join(fixtures, `${name}.db.gz`), gzipSync(readFileSync(file), { level: 9 }));
});
if (databaseUrl !== undefined)
  await make(directory, ['--database-url', databaseUrl], () => {
    const dump = [
      '--dbname',
      databaseUrl,
      '--schema',
      'posthorn',
      '--inserts',
      '--no-owner',
      '--no-privileges',
    ];
    const sql = execFileSync('pg_dump', dump, { encoding: 'utf8', maxBuffer: 1e9 });
    // What only psql understands, and settings of another version's session.
    const foreign = /^(?:\\|SET (?!check_function_bodies)|SELECT pg_catalog\.set_config)/;
    const lines = sql.split('\n').filter((line) => !foreign.test(line));
    writeFileSync(join(fixtures, `${name}.sql.gz`), gzipSync(lines.join('\n'), { level: 9 }));
  });
rmSync(directory, { recursive: true });
receiver.close();
