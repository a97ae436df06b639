import { join } from 'node:path';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runHere } from '../integration/run-here.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { applied, importTwice } from './applied.ts';
import { convoyTables } from './convoy-tables.ts';

// `posthorn import convoy` on a database with the columns that it reads, as that server's migrations make them.

const key = 'the-encryption-key';
const secret = 'convoy-secret-of-25-chars';
const sealedSecret = 'another-secret-of-convoys';
let postgres: Postgres;
let database: string;
let receiver: Awaited<ReturnType<typeof aReceiver>>;

beforeAll(async () => {
  receiver = await aReceiver();
  postgres = await startPostgres();
  database = await postgres.createDatabase();
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(convoyTables);
  const secrets = JSON.stringify([
    { uid: 's0', value: 'of-before-and-then-rotated', expires_at: '2026-01-01T00:00:00Z' },
    { uid: 's1', value: secret, expires_at: null, deleted_at: null },
  ]);
  const endpoint = (id: string, fields: Record<string, unknown> = {}): Promise<unknown> => {
    const row = {
      id,
      name: id,
      status: 'active',
      owner_id: 'acme',
      url: receiver.url,
      project_id: 'prj',
      http_timeout: 20,
      rate_limit: 120,
      rate_limit_duration: 60,
      advanced_signatures: false,
      secrets,
      is_encrypted: false,
      ...fields,
    };
    const names = Object.keys(row);
    return client.query(
      `INSERT INTO convoy.endpoints (${names.join(', ')}) VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
      Object.values(row),
    );
  };
  const subscription = (
    id: string,
    of: string,
    types: readonly string[],
    fields: Record<string, unknown> = {},
  ) =>
    client.query(
      `INSERT INTO convoy.subscriptions (id, name, type, project_id, endpoint_id, filter_config_event_types, filter_config_filter_body, function)
        VALUES ($1::varchar, $1::text, 'api', 'prj', $2, $3, $4, $5)`,
      [id, of, types, JSON.stringify(fields['body'] ?? {}), fields['function'] ?? null],
    );
  await endpoint('ep-plain', {
    authentication_type: 'api_key',
    authentication_type_api_key_header_name: 'X-Api-Key',
    authentication_type_api_key_header_value: 'k',
  });
  await subscription('sub-all', 'ep-plain', ['invoice.paid']);
  await subscription('sub-large', 'ep-plain', ['*'], {
    body: { 'amount.minor': { $gte: 100 }, currency: 'eur' },
  });
  await subscription('sub-regex', 'ep-plain', ['*'], { body: { name: { $regex: '^a' } } });
  await subscription('sub-code', 'ep-plain', ['*'], { function: 'function transform(p) { return p }' });
  await endpoint('ep-own', { owner_id: '', status: 'paused', secrets: JSON.stringify([{ value: 'short' }]) });
  await subscription('sub-own', 'ep-own', ['*']);
  await endpoint('ep-idle');
  await endpoint('ep-deleted', { deleted_at: '2026-01-01T00:00:00Z' });
  await endpoint('ep-sealed', { secrets: '[]', is_encrypted: true, owner_id: 'sealed' });
  await client.query(
    `UPDATE convoy.endpoints SET secrets_cipher = pgp_sym_encrypt($1::text, $2::text), basic_auth_config_cipher = pgp_sym_encrypt($3::text, $2::text),
      authentication_type = 'basic_auth' WHERE id = 'ep-sealed'`,
    [JSON.stringify([{ value: sealedSecret }]), key, JSON.stringify({ username: 'u', password: 'p' })],
  );
  await subscription('sub-sealed', 'ep-sealed', ['*']);
  // An endpoint whose encrypted secret is damaged.
  await endpoint('ep-broken', { secrets: '[]', is_encrypted: true, secrets_cipher: Buffer.from('broken') });
  await subscription('sub-broken', 'ep-broken', ['*']);
  await client.end();
});
afterAll(async () => {
  await receiver.close();
  await postgres.stop();
});

test('each subscription becomes an endpoint with the secret, and receivers verify by it', async () => {
  const file = join(tempDir(), 'convoy.yaml');
  const args = ['import', 'convoy', '--database-url', database];
  const { report, document } = await importTwice(args, file, { CONVOY_ENCRYPTION_KEY: key });
  expect(report).toMatchObject({ tenants: 3, endpoints: 4, event_types: 1 });
  expect(report.skipped.map(({ id }) => id).toSorted()).toEqual([
    'ep-broken',
    'ep-idle',
    'sub-code',
    'sub-regex',
  ]);
  expect(report.skipped.find(({ id }) => id === 'sub-regex')?.reason).toContain('$regex');
  expect(report.changed.map(({ reason }) => reason).join('\n')).toContain('X-Convoy-Signature');
  expect(document.endpoints['acme/imported-sub-all']).toMatchObject({
    event_types: ['invoice.paid'],
    headers: { 'X-Api-Key': 'k' },
    rate_limit_per_s: 2,
    timeout_ms: 20_000,
    secret: `whsec_${Buffer.from(secret).toString('base64')}`,
  });
  // Only its own events were sent to it.
  expect(document.endpoints['ep-own/imported-sub-own']).toMatchObject({ enabled: false });
  expect(document.endpoints['ep-own/imported-sub-own']).not.toHaveProperty('secret');
  expect(document.endpoints['sealed/imported-sub-sealed']).toMatchObject({
    auth: { type: 'basic', username: 'u', password: 'p' },
  });

  const server = await applied(file);
  const publish = (tenant: string, data: object) =>
    server.client.request<{ deliveries: number }>('POST', '/v1/events', {
      tenant,
      type: 'invoice.paid',
      data,
    });
  expect(await publish('acme', { amount: { minor: 99 }, currency: 'eur' })).toMatchObject({ deliveries: 1 });
  expect(await publish('acme', { amount: { minor: 100 }, currency: 'eur' })).toMatchObject({ deliveries: 2 });
  expect(await publish('sealed', { n: 1 })).toMatchObject({ deliveries: 1 });
  await until('all have arrived', () => receiver.requests.length === 4);
  for (const { headers, body } of receiver.requests) {
    const isSealed = body.toString() === '{"n":1}';
    const known = Buffer.from(isSealed ? sealedSecret : secret).toString('base64');
    expect(new Webhook(known).verify(body, headers as Record<string, string>)).toEqual(
      JSON.parse(body.toString()),
    );
    expect(isSealed ? headers['authorization'] : headers['x-api-key']).toBe(isSealed ? 'Basic dTpw' : 'k');
  }
  await server.stop();
});

test('without the key or with another, what is encrypted is reported, and the rest is taken', async () => {
  for (const [value, text] of [
    ['', 'set CONVOY_ENCRYPTION_KEY'],
    ['another', 'cannot be decrypted'],
  ] as const) {
    const key = value === '' ? [] : ['--encryption-key', value];
    const { code, out } = await runHere(
      'import',
      'convoy',
      '--database-url',
      database,
      ...key,
      '--dry-run',
      '--json',
    );
    expect(code).toBe(1);
    const { endpoints, skipped } = JSON.parse(out) as {
      endpoints: number;
      skipped: { id: string; reason: string }[];
    };
    expect(endpoints).toBe(3);
    expect(skipped.find(({ id }) => id === 'ep-sealed')?.reason).toContain(text);
  }
});

test('of several projects one is named, and a database of another kind is an error', async () => {
  const run = (...args: readonly string[]) =>
    runHere('import', 'convoy', '--database-url', database, '--dry-run', ...args);
  expect(await run('--project', 'payments')).toMatchObject({ code: 1 });
  const missing = await run('--project', 'none');
  expect(missing).toMatchObject({ code: 1, out: '' });
  expect(missing.err).toContain('no outgoing project none');
  const empty = await postgres.createDatabase();
  const wrong = await runHere('import', 'convoy', '--database-url', empty, '--dry-run');
  expect(wrong).toMatchObject({ code: 1, out: '' });
  expect(wrong.err).toContain('cannot read the database');
});
