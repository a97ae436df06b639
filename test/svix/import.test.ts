import { createCipheriv, createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { hchacha20 } from '../../packages/posthorn/src/svix/import/hchacha20.ts';
import { runHere } from '../integration/run-here.ts';
import { apiKey, serve } from '../integration/serving.ts';
import { startPostgres } from '../postgres.ts';
import { tempDir } from '../support.ts';

// `posthorn import svix` on a database with that server's tables, and `posthorn apply` of what it writes.

const mainSecret = 'the-main-secret';

/** A key as that server stores it: encrypted under its main secret. */
function sealed(key: Buffer): Buffer {
  const nonce = Buffer.alloc(24, 9);
  const subkey = hchacha20(createHmac('sha256', mainSecret).update('main').digest(), nonce);
  const cipher = createCipheriv(
    'chacha20-poly1305',
    subkey,
    Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]),
    { authTagLength: 16 },
  );
  const text = Buffer.concat([cipher.update(key), cipher.final()]);
  return Buffer.concat([Buffer.from([0x80]), nonce, text, cipher.getAuthTag()]);
}

/** The columns that are read, with the names and types of the server's. */
const tables = `
  CREATE TABLE application (id varchar, org_id varchar, uid varchar, name varchar, deleted boolean);
  CREATE TABLE applicationmetadata (id varchar, data jsonb);
  CREATE TABLE endpoint (id varchar, app_id varchar, key bytea, url varchar, description varchar, event_types_ids jsonb,
    rate_limit integer, deleted boolean, disabled boolean, uid varchar, channels jsonb, headers jsonb);
  CREATE TABLE eventtype (name varchar, org_id varchar, description varchar, deleted boolean, schemas json);
  INSERT INTO application VALUES ('app_1', 'org_1', 'customer-42', 'Customer', false), ('app_2', 'org_1', NULL, 'Anonymous', false),
    ('app_3', 'org_1', 'gone', 'Gone', true);
  INSERT INTO applicationmetadata VALUES ('app_1', '{"plan": "pro"}');
  INSERT INTO eventtype VALUES ('invoice.paid', 'org_1', 'Paid', false, '{"1": {"type": "object"}}');
`;

test('applications, endpoints with their secrets and event types become declarations that can be applied twice', async () => {
  const postgres = await startPostgres();
  const database = await postgres.createDatabase();
  const [own, plain] = [Buffer.alloc(32, 5), Buffer.alloc(24, 6)];
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(tables);
  const insert = (...values: readonly unknown[]) =>
    client.query(
      `INSERT INTO endpoint (id, app_id, key, url, description, event_types_ids, disabled, uid, channels, headers, deleted)
        VALUES ($1, $2, $3, $4, 'd', $5, $6, $7, $8, $9, false)`,
      [...values],
    );
  const url = 'http://127.0.0.1:1/hook';
  await insert(
    'ep_a',
    'app_1',
    sealed(own),
    url,
    '["invoice.paid"]',
    false,
    'Main_1',
    null,
    '{"x-token": "t"}',
  );
  await insert('ep_b', 'app_2', plain, url, null, true, null, null, null);
  await insert('ep_c', 'app_1', plain, url, null, false, null, '["one"]', null);
  // Signs with an Ed25519 key.
  await insert('ep_d', 'app_1', Buffer.concat([Buffer.from([1]), own]), url, null, false, null, null, null);
  await client.end();

  const file = join(tempDir(), 'svix.yaml');
  const args = ['import', 'svix', '--database-url', database, '--out', file];
  const wrong = await runHere(...args, '--main-secret', 'another', '--json');
  expect(wrong.code).toBe(1);
  expect(wrong.out).toContain('cannot be decrypted');
  vi.stubEnv('SVIX_MAIN_SECRET', mainSecret);
  const imported = await runHere(...args, '--json');
  vi.unstubAllEnvs();
  // What was left out is a finding.
  expect(imported.code).toBe(1);
  expect(JSON.parse(imported.out)).toMatchObject({
    tenants: 2,
    endpoints: 3,
    event_types: 1,
    skipped: [{ kind: 'endpoint', id: 'ep_d' }],
  });
  expect(imported.out).not.toContain('whsec_');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(parse(readFileSync(file, 'utf8'))).toMatchObject({
    endpoints: { 'customer-42/Main_1': { secret: `whsec_${own.toString('base64')}`, body: 'data' } },
  });

  const server = await serve();
  const remote = ['--url', server.url, '--api-key', apiKey];
  expect(await runHere('apply', '-f', file, ...remote)).toMatchObject({ code: 0, err: '' });
  // The same again changes nothing.
  expect(await runHere('apply', '-f', file, '--dry-run', ...remote)).toMatchObject({ code: 0 });
  const read = async (path: string): Promise<unknown> =>
    (await fetch(`${server.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${apiKey}` } })).json();
  expect(await read('app/customer-42')).toMatchObject({ uid: 'customer-42', metadata: { plan: 'pro' } });
  expect(await read('app/customer-42/endpoint/Main_1/secret')).toEqual({
    key: `whsec_${own.toString('base64')}`,
  });
  expect(await read('app/app_2/endpoint/imported-b')).toMatchObject({ disabled: true, eventTypes: null });
  expect(await read('app/customer-42/endpoint/imported-c')).toMatchObject({ channels: ['one'] });
  expect(await read('event-type/invoice.paid')).toMatchObject({ schemas: { '1': { type: 'object' } } });
  await server.stop();
  await postgres.stop();
});
