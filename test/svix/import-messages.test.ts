import { join } from 'node:path';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runHere } from '../integration/run-here.ts';
import { apiKey, serve } from '../integration/serving.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, secretKey, tempDir, until } from '../support.ts';
import { svixTables } from './tables.ts';

// `posthorn import svix --messages-days`: the past of a server as history, which is not sent.

const secret = Buffer.alloc(24, 6);
let postgres: Postgres;
let database: string;
let receiver: Awaited<ReturnType<typeof aReceiver>>;

beforeAll(async () => {
  receiver = await aReceiver();
  postgres = await startPostgres();
  database = await postgres.createDatabase();
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(svixTables);
  await client.query(
    `INSERT INTO endpoint (id, app_id, key, url, description, disabled, uid, deleted)
      VALUES ('ep_a', 'app_1', $1, $2, '', false, 'main', false), ('ep_gone', 'app_1', $1, $2, '', false, 'gone', true)`,
    [secret, receiver.url],
  );
  const message = async (
    id: string,
    uid: string | null,
    payload: string | null,
    { age = '1 hour', channels = null as string | null, type = 'invoice.paid' } = {},
  ): Promise<void> => {
    await client.query(
      `INSERT INTO message (id, uid, app_id, org_id, event_type, created_at, channels) VALUES ($1, $2, 'app_1', 'org_1', $3,
        now() - $4::interval, $5)`,
      [id, uid, type, age, channels],
    );
    if (payload !== null)
      await client.query('INSERT INTO messagecontent (id, created_at, payload) VALUES ($1, now(), $2)', [
        id,
        Buffer.from(payload, 'latin1'),
      ]);
  };
  let n = 0;
  const attempt = (of: string, endpoint: string, status: number, next: string | null = null) =>
    client.query(
      `INSERT INTO messageattempt (id, created_at, msg_id, endp_id, status, next_attempt) VALUES ($1, now(), $2, $3, $4, $5)`,
      [`atmpt_${++n}`, of, endpoint, status, next],
    );
  await message('msg_1', 'inv-1', '{"n":1.0,"big":12345678901234567890}');
  await attempt('msg_1', 'ep_a', 2, '2026-01-01T00:00:00Z');
  await attempt('msg_1', 'ep_a', 0);
  await attempt('msg_1', 'ep_gone', 0);
  await message('msg_2', null, '{"n":2}', { channels: '["eu"]' });
  await attempt('msg_2', 'ep_a', 2);
  await message('msg_3', 'inv-3', '{"n":3}');
  await attempt('msg_3', 'ep_a', 2, '2026-01-01T00:00:00Z');
  // Its state is where former versions keep it.
  await message('msg_4', null, '{"n":4}');
  await client.query(`INSERT INTO messagedestination VALUES ('dest_1', now(), 'msg_4', 'ep_a', 0, NULL)`);
  await message('msg_5', null, null);
  await message('msg_6', null, '{"broken":\xff}');
  await message('msg_7', null, '{"n":7}', { type: '..' });
  await message('msg_8', null, '{"n":8}', { age: '40 days' });
  await client.end();
});
afterAll(async () => {
  await receiver.close();
  await postgres.stop();
});

test.each(['SQLite', 'PostgreSQL'])(
  'G6: on %s, messages become history that balances, and a second import changes nothing',
  async (store) => {
    const of = store === 'SQLite' ? {} : { databaseUrl: await postgres.createDatabase() };
    const server = await serve(of);
    const file = join(tempDir(), 'svix.yaml');
    const remote = ['--url', server.url, '--api-key', apiKey];
    const command = ['import', 'svix', '--database-url', database, '--out', file];
    const withMessages = [...command, '--messages-days', '30', ...remote, '--json'];
    expect(await runHere(...command)).toMatchObject({ code: 0 });
    expect(await runHere('apply', '-f', file, ...remote)).toMatchObject({ code: 0 });

    const deliveries = { delivered: 2, failed: 1, pending: 1 };
    const report = async (...args: readonly string[]) => {
      const { code, out, err } = await runHere(...withMessages, ...args);
      expect({ code, err }).toEqual({ code: 1, err: '' });
      return (JSON.parse(out) as { messages: unknown }).messages;
    };
    const leftOut = {
      'its payload has expired at Svix': 1,
      'its payload is not JSON': 1,
      'its event type is not a name that Posthorn takes': 1,
    };
    const dry = await report('--dry-run');
    expect(dry).toMatchObject({ read: 7, imported: 4, existing: 0, deliveries: { delivered: 3 } });
    expect(await server.client.request('GET', '/v1/events?tenant=acme')).toMatchObject({ items: [] });
    expect(await report()).toMatchObject({
      read: 7,
      imported: 4,
      existing: 0,
      deliveries: { ...deliveries, delivered: 3 },
      without_endpoint: 1,
      left_out: leftOut,
    });
    expect(await report()).toMatchObject({ imported: 0, existing: 4, left_out: leftOut });

    const read = async (path: string): Promise<{ status: number; body: string }> => {
      const answer = await fetch(`${server.url}/api/v1/${path}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      return { status: answer.status, body: await answer.text() };
    };
    // Byte for byte, with the time that it had.
    const { body } = await read('app/acme/msg/inv-1');
    expect(body).toContain('"payload":{"n":1.0,"big":12345678901234567890}');
    expect(Date.now() - Date.parse((JSON.parse(body) as { timestamp: string }).timestamp)).toBeGreaterThan(
      3_000_000,
    );
    const statusOf = async (id: string): Promise<unknown> =>
      (JSON.parse((await read(`app/acme/msg/${id}/endpoint`)).body) as { data: unknown[] }).data;
    expect(await statusOf('inv-1')).toMatchObject([{ statusText: 'success' }]);
    expect(await statusOf('msg_2')).toMatchObject([{ statusText: 'fail' }]);
    expect(await statusOf('inv-3')).toMatchObject([{ statusText: 'sending' }]);
    const withStatus = async (status: number): Promise<unknown[]> => {
      const { body: list } = await read(`app/acme/endpoint/main/msg?status=${String(status)}`);
      return (JSON.parse(list) as { data: { id: string }[] }).data.map(({ id }) => id).toSorted();
    };
    expect(await withStatus(0)).toEqual(['inv-1', 'msg_4']);
    expect(await withStatus(2)).toEqual(['msg_2']);
    expect(await withStatus(3)).toEqual(['inv-3']);

    // What counts: nothing is owed, nothing failed, and the ledger balances.
    const accounting = await server.client.request('GET', '/v1/accounting?tenant=acme');
    expect(accounting).toMatchObject({
      accepted: 4,
      cancelled: 4,
      delivered: 0,
      pending: 0,
      dead: 0,
      unaccounted: 0,
    });
    const verifying =
      store === 'SQLite' ? ['--data-dir', server.dataDir] : ['--database-url', of.databaseUrl!];
    vi.stubEnv('POSTHORN_SECRET_KEY', store === 'SQLite' ? '' : secretKey);
    expect(await runHere('verify', ...verifying)).toMatchObject({ code: 0 });
    vi.unstubAllEnvs();

    // A sender that repeats itself after the change finds its message there.
    const late = await server.client.request('POST', '/v1/events', {
      tenant: 'acme',
      id: 'inv-3',
      type: 'invoice.paid',
      data: { n: 3 },
    });
    expect(late).toMatchObject({ duplicate: true });
    const before = receiver.requests.length;
    expect(await runHere('replay', 'inv-3', '--tenant', 'acme', ...remote)).toMatchObject({ code: 0 });
    await until('it is resent', () => receiver.requests.length > before);
    const { headers, body: sent } = receiver.requests.at(-1)!;
    expect(receiver.requests.length).toBe(before + 1);
    expect(new Webhook(secret.toString('base64')).verify(sent, headers as Record<string, string>)).toEqual({
      n: 3,
    });
    expect(headers['svix-id']).toBe('inv-3');
    await server.stop();
  },
);

test('messages need a key, before anything is written', async () => {
  const file = join(tempDir(), 'none.yaml');
  const without = await runHere(
    'import',
    'svix',
    '--database-url',
    database,
    '--out',
    file,
    '--messages-days',
    '1',
  );
  expect(without).toMatchObject({ code: 2 });
  expect(without.err).toContain('no key');
});
