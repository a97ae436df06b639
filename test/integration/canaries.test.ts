import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startServing } from '../../packages/posthorn/src/cli/serve-process.ts';
import { readSettings } from '../../packages/posthorn/src/config/settings.ts';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { testCertificate, testKey } from '../certificate.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, secretKey, tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';

// Planted secrets, and every place where one could show: answers, errors, logs, spans, notifications, output, metrics, files.

let planted = 0;
/** Every secret of a run, by what it is. */
class Canaries {
  readonly all = new Map<string, string>();
  /** A text that stands nowhere by accident. */
  plant(what: string, prefix = ''): string {
    const text = `${prefix}canary${String(++planted).padStart(3, '0')}q7w8e9r0t1y2`;
    return this.keep(what, text);
  }
  keep(what: string, text: string): string {
    this.all.set(what, text);
    return text;
  }
  /** The names of the canaries in a text. */
  in(text: string): string[] {
    return [...this.all].filter(([, value]) => text.includes(value)).map(([what]) => what);
  }
}

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** Everything in the files of a data directory, with a backup; or every row of every table. */
async function stored(place: { dataDir?: string; databaseUrl?: string }): Promise<string> {
  if (place.dataDir !== undefined) {
    const { dataDir } = place;
    const backup = join(tempDir(), 'backup.db');
    const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { readOnly: true });
    db.exec(`VACUUM INTO '${backup}'`);
    db.close();
    return [...readdirSync(dataDir).map((name) => join(dataDir, name)), backup]
      .filter((file) => !file.endsWith('posthorn.key'))
      .map((file) => readFileSync(file, 'latin1'))
      .join('\n');
  }
  const client = new pg.Client({ connectionString: place.databaseUrl! });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'posthorn'",
  );
  let text = '';
  for (const { name } of rows)
    for (const { row } of (await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows)
      text += `${row}\n`;
  await client.end();
  return text;
}

/** A collector of spans that keeps what it gets. */
async function aCollector(): Promise<{ url: string; text(): string; close(): void }> {
  let text = '';
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    request.on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => text,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test.each(['SQLite', 'PostgreSQL'])('G9: 40 planted secrets stand nowhere, on %s', async (kind) => {
  const secrets = new Canaries();
  const adminKey = secrets.plant('admin key', 'phk_');
  const metricsKey = secrets.plant('metrics key');
  secrets.keep('secret key', secretKey);
  // A receiver that repeats everything, and fails.
  const receiver = await aReceiver(({ headers, path, body }, response) => {
    response.writeHead(500).end(JSON.stringify({ headers, path, body: body.toString() }));
  });
  const alerts = await aReceiver();
  const collector = await aCollector();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  const place = kind === 'SQLite' ? { dataDir: tempDir() } : { databaseUrl: await postgres.createDatabase() };
  const read = readSettings(
    {
      port: 0,
      apiKey: adminKey,
      metricsKey,
      secretKey,
      allowPrivateNetworks: true,
      evaluateEveryS: 1,
      ...place,
    },
    {},
  );
  if ('faults' in read) throw new Error(read.faults.join());
  let log = '';
  const write = (fields: Record<string, unknown>, message: string): void => {
    log += `${JSON.stringify(fields)} ${message}\n`;
  };
  const say = (line: string): void => write({}, line);
  const serving = await startServing(read.settings, {
    logger: {
      logger: { debug: write, info: write, warn: write, error: write },
      note: say,
      print: say,
      dropped: () => 0,
    },
  });
  const { url } = serving;
  const answers: string[] = [];
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(20_000),
      headers: {
        authorization: `Bearer ${adminKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answers.push(text);
    return (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
  };
  /** Answers that show a secret once are not among those that must not. */
  const shownOnce = async (...args: Parameters<typeof call>): Promise<Record<string, unknown>> => {
    const answer = await call(...args);
    answers.pop();
    return answer;
  };
  try {
    const secretOf = (what: string): string =>
      `whsec_${secrets.keep(what, Buffer.from(secrets.plant(`${what}, decoded`).padEnd(30, '.')).toString('base64'))}`;
    const closed = 'http://127.0.0.1:9';
    const common = { event_types: ['canary.*'], retry: { schedule_s: [] } };
    const made: string[] = [];
    const create = async (body: object, headers = {}): Promise<string> => {
      const answer = await shownOnce(
        'POST',
        '/v1/endpoints',
        { url: receiver.url, ...common, ...body },
        headers,
      );
      expect(answer).toHaveProperty('id');
      const { id, secret } = answer;
      if (typeof secret === 'string') secrets.keep(`secret of ${String(id)}`, secret.slice('whsec_'.length));
      made.push(String(id));
      return String(id);
    };
    const plain = await create({
      name: 'plain',
      secret: secretOf('given secret'),
      headers: { 'x-former': secrets.plant('former header'), 'x-one': secrets.plant('header') },
      signatures: ['v1', 'v1a'],
    });
    await call('PATCH', `/v1/endpoints/${plain}`, {
      headers: { 'x-one': null, authorization: `Bearer ${secrets.plant('authorization header')}` },
    });
    const rotated = await shownOnce('POST', `/v1/endpoints/${plain}/rotate-secret`, { grace_s: 3600 });
    secrets.keep('rotated secret', String(rotated['secret']).slice('whsec_'.length));
    const password = secrets.plant('basic password');
    secrets.keep('basic pair', Buffer.from(`ops:${password}`).toString('base64'));
    await create({ auth: { type: 'basic', username: 'ops', password } });
    await create({ auth: { type: 'bearer', token: secrets.plant('bearer token') } });
    await create({
      auth: {
        type: 'oauth2_client_credentials',
        token_url: `${receiver.url}/token`,
        client_id: 'posthorn',
        client_secret: secrets.plant('OAuth client secret'),
      },
    });
    secrets.keep('TLS key', testKey.split('\n')[1]!);
    await create({
      url: 'https://127.0.0.1:9/',
      tls: { client_certificate: testCertificate, client_key: testKey },
    });
    await create({ proxy: `http://proxy:${secrets.plant('proxy password')}@127.0.0.1:9` });
    await create({ name: 'kept-answer' }, { 'idempotency-key': 'canary-1' });
    const gone = await create({
      secret: secretOf('secret of a deleted endpoint'),
      headers: { 'x-gone': secrets.plant('header of a deleted endpoint') },
      auth: { type: 'bearer', token: secrets.plant('token of a deleted endpoint') },
    });
    await call('DELETE', `/v1/endpoints/${gone}`);
    await shownOnce('PUT', '/v1/endpoints/ensured', {
      url: receiver.url,
      ...common,
      secret: secretOf('secret of an ensured endpoint'),
    });
    const mailPassword = secrets.plant('mail password');
    const channels: Record<string, object> = {
      slack: { kind: 'slack', url: `${closed}/services/${secrets.plant('Slack path')}` },
      hook: { kind: 'webhook', url: `${alerts.url}?token=${secrets.plant('channel query')}` },
      prom: { kind: 'alertmanager', url: `${alerts.url}/${secrets.plant('Alertmanager path')}` },
      duty: {
        kind: 'pagerduty',
        routing_key: secrets.plant('routing key'),
        url: `${alerts.url}/${secrets.plant('PagerDuty path')}`,
      },
      mail: {
        kind: 'email',
        server: `smtp://ops:${mailPassword}@127.0.0.1:9`,
        from: 'a@example.com',
        to: ['b@example.com'],
      },
      former: { kind: 'slack', url: `${closed}/${secrets.plant('former Slack path')}` },
      gone: { kind: 'webhook', url: `${closed}/${secrets.plant('path of a deleted channel')}` },
    };
    for (const [name, channel] of Object.entries(channels))
      await call('PUT', `/v1/channels/${name}`, channel);
    await call('PUT', '/v1/channels/former', {
      kind: 'slack',
      url: `${closed}/${secrets.plant('latter Slack path')}`,
    });
    await call('DELETE', '/v1/channels/gone');
    const { id: keyId, key } = await shownOnce('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
    secrets.keep('former API key', String(key));
    const next = await shownOnce('POST', `/v1/keys/${String(keyId)}/rotate`, { grace_s: 60 });
    secrets.keep('API key', String(next['key']));
    const link = await shownOnce('POST', '/v1/portal-links', { tenant: 'default' });
    secrets.keep('portal token', String(link['token']));
    // What is refused is not repeated.
    const wrong = (what: string): string => secrets.plant(`refused ${what}`);
    for (const body of [
      { url: `https://ops:${wrong('URL password')}@a.example/` },
      { url: receiver.url, secret: `whsec_${wrong('secret')}!` },
      { url: receiver.url, headers: { a: `${wrong('header')}\u0001` } },
      { url: receiver.url, auth: { type: 'bearer', token: `${wrong('token')} x` } },
      { url: receiver.url, tls: { client_certificate: testCertificate, client_key: wrong('client key') } },
      { url: receiver.url, proxy: `ftp://u:${wrong('proxy password')}@a.example/` },
    ])
      expect(await call('POST', '/v1/endpoints', body)).toMatchObject({ status: 422 });
    for (const body of [
      { kind: 'slack', url: `nonsense-${wrong('Slack URL')}` },
      { kind: 'pagerduty', routing_key: `${wrong('routing key')}!` },
      {
        kind: 'email',
        server: `smtp://u:${wrong('mail password')}%@a.example`,
        from: 'a@example.com',
        to: ['b@example.com'],
      },
    ])
      expect(await call('PUT', '/v1/channels/refused', body)).toMatchObject({ status: 422 });
    await call('GET', '/v1/endpoints', undefined, {
      authorization: `Bearer ${secrets.plant('wrong API key', 'phk_')}`,
    });
    expect(secrets.all.size).toBeGreaterThanOrEqual(40);

    const event = await call('POST', '/v1/events', { type: 'canary.sung', data: { a: 1 } });
    const deliveries = async (query = ''): Promise<{ id: string; state: string; event_id: string }[]> =>
      (await call('GET', `/v1/deliveries${query}`))['items'] as {
        id: string;
        state: string;
        event_id: string;
      }[];
    await until('every delivery has ended', async () => {
      const all = await deliveries('?tenant=default');
      return all.length >= made.length - 1 && all.every(({ state }) => state === 'dead');
    });
    const listed = (await call('GET', '/v1/channels'))['items'] as { endpoint_id: string }[];
    for (const { endpoint_id: id } of listed) await call('POST', `/v1/endpoints/${id}/test`);
    await until('the channels that can be reached were notified', () => alerts.requests.length >= 3);
    // Every GET of the contract, with ids of what there is.
    const own = await deliveries('?tenant=posthorn');
    const ids: Readonly<Record<string, readonly string[]>> = {
      endpoints: made.filter((id) => id !== gone),
      deliveries: [...(await deliveries()), ...own].map(({ id }) => id),
      events: [String(event['id'])],
      channels: Object.keys(channels),
      keys: [String(keyId)],
    };
    let good = 0;
    for (const { method, path } of Object.values(table)) {
      if (method !== 'GET' || path.includes('stream')) continue;
      const known = ids[path.split('/')[2] ?? ''] ?? ['default'];
      for (const id of path.includes('{') ? known : ['']) {
        await call('GET', path.replaceAll(/\{\w+\}/g, encodeURIComponent(id)));
        good++;
      }
    }
    expect(good).toBeGreaterThan(60);
    vi.stubEnv('POSTHORN_URL', url);
    vi.stubEnv('POSTHORN_API_KEY', adminKey);
    let output = '';
    for (const args of [
      ['deliveries'],
      ['deliveries', ids['deliveries']![0]!],
      ['dead-letters'],
      ['redrives', 'list'],
      ['alerts'],
      ['conformance'],
      ['slo', 'list'],
      ['secrets', 'status'],
      ['nodes'],
      ['keys', 'list'],
      ['tenants', 'list'],
      ['audit-log'],
      [
        'verify',
        ...(kind === 'SQLite' ? ['--data-dir', place.dataDir!] : ['--database-url', place.databaseUrl!]),
      ],
    ])
      for (const form of [[], ['--json']]) {
        const { out, err } = await runHere(...args, ...form);
        output += out + err;
      }
    const rotation = await call('POST', '/v1/secrets/rotate');
    expect(rotation).toMatchObject({ unreadable: 0 });
    await serving.stop();
    const places = {
      answers: answers.join('\n'),
      log,
      output,
      spans: collector.text(),
      files: await stored(place),
      notifications: alerts.requests
        .map(({ body }) => body.toString().replace(`"routing_key":"${secrets.all.get('routing key')!}"`, ''))
        .join('\n'),
    };
    expect(places.spans).not.toBe('');
    expect(places.files).toContain('sealed:1:');
    const found = Object.entries(places).flatMap(([name, text]) =>
      secrets.in(text).map((what) => `${what} in ${name}`),
    );
    expect(found).toEqual([]);
    for (const [name, text] of Object.entries(places))
      expect(/whsk_[A-Za-z0-9+/]{20}/.exec(text), name).toBeNull();
  } finally {
    vi.unstubAllEnvs();
    collector.close();
    await receiver.close();
    await alerts.close();
  }
});
