import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredChannel } from '../../packages/posthorn/src/domain/documents.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { anEndpoint, aReceiver, tempDir, until } from '../support.ts';
import { serve } from './serving.ts';

const clear = {
  header: 'Bearer clear-header-5566778899',
  former: 'clear-former-header-aabbccdd',
  path: 'clear-channel-path-00112233',
  routing: 'clear0routing0key0445566778899aa',
  deleted: 'clear-deleted-header-ffeeddcc',
};

/** Everything that a data directory holds, byte for byte. */
function filesOf(dataDir: string): string {
  return readdirSync(dataDir)
    .filter((name) => name !== 'posthorn.key')
    .map((name) => readFileSync(join(dataDir, name), 'latin1'))
    .join('\n');
}

/** Every value of every table, as text. */
async function tablesOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'posthorn'",
    );
    let text = '';
    for (const { name } of rows)
      for (const row of (await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows)
        text += `${row.row}\n`;
    return text;
  } finally {
    await client.end();
  }
}

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

describe.each(['SQLite', 'PostgreSQL'])('secrets at rest, on %s', (kind) => {
  const aPlace = async () => {
    const dataDir = tempDir();
    if (kind === 'SQLite')
      return {
        settings: { dataDir },
        open: async () => openHere({ dataDir }),
        stored: async () => filesOf(dataDir),
      };
    const databaseUrl = await postgres.createDatabase();
    return {
      settings: { databaseUrl },
      open: async () => (await openPostgresStore(databaseUrl)).store,
      stored: () => tablesOf(databaseUrl),
    };
  };
  const inClear = async (store: Store, url: string): Promise<{ secret: string }> => {
    const former = anEndpoint({
      id: 'ep_00000000000000000000000001',
      headers: { authorization: clear.former },
      url,
    });
    await store.write.createEndpoint(former);
    await store.write.updateEndpoint(former.id, { headers: { authorization: clear.header }, updatedAt: 1 });
    const gone = anEndpoint({ headers: { authorization: clear.deleted }, url });
    await store.write.createEndpoint(gone);
    await store.write.deleteEndpoint(gone.id, 1);
    const channel = anEndpoint({
      id: 'ep_00000000000000000000000002',
      tenant: 'posthorn',
      body: 'data',
      url: `${new URL(url).origin}/${clear.path}`,
    });
    await store.write.createEndpoint(channel);
    const document = {
      channel: { kind: 'pagerduty', routing_key: clear.routing, url: channel.url },
      endpointId: channel.id,
    };
    await store.write.putDocument('channel', 'duty', document as unknown as StoredChannel);
    return { secret: former.secrets[0]!.secret };
  };

  test('G9: what was stored in clear is sealed at the start, works as before, and leaves nothing in the files', async () => {
    const receiver = await aReceiver();
    const place = await aPlace();
    const before = await place.open();
    const { secret } = await inClear(before, receiver.url);
    await before.close();
    const { client, stop } = await serve(place.settings);
    const duty = await client.request('GET', '/v1/channels/duty');
    expect(duty).toMatchObject({
      kind: 'pagerduty',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}-[0-9a-f]{32}$/),
    });
    await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
    await client.request('POST', `/v1/endpoints/${(duty as { endpoint_id: string }).endpoint_id}/test`);
    await until('both have arrived', () => receiver.requests.length === 2);
    const webhook = receiver.requests.find(({ path }) => path === '/hook')!;
    expect(webhook.headers['authorization']).toBe(clear.header);
    const page = receiver.requests.find(({ path }) => path === `/${clear.path}`)!;
    expect(JSON.parse(page.body.toString())).toMatchObject({ routing_key: clear.routing });
    await stop();
    const stored = await place.stored();
    for (const value of [...Object.values(clear), secret]) expect(stored.includes(value), value).toBe(false);
    expect(stored).toContain('sealed:1:');
    // Again changes nothing.
    const again = await serve(place.settings);
    expect(await again.client.request('GET', '/v1/channels/duty')).toEqual(duty);
    await again.stop();
    await receiver.close();
  });

  test('in clear where that was said, and sealed by a later start with a key', async () => {
    const receiver = await aReceiver();
    const place = await aPlace();
    const plain = await serve({ ...place.settings, plaintextSecrets: true });
    await plain.client.request('POST', '/v1/endpoints', {
      url: receiver.url,
      headers: { authorization: clear.header },
    });
    await plain.stop();
    expect(await place.stored()).toContain(clear.header);
    const sealed = await serve(place.settings);
    await sealed.client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
    await until('it has arrived', () => receiver.requests.length === 1);
    expect(receiver.requests[0]!.headers['authorization']).toBe(clear.header);
    await sealed.stop();
    expect(await place.stored()).not.toContain(clear.header);
    await receiver.close();
  });
});

test('G9: a lost key stops only the endpoints that need it, and a new secret fixes each', async () => {
  const receiver = await aReceiver();
  const dataDir = tempDir();
  const first = await serve({ dataDir });
  const { id } = await first.client.request<{ id: string }>('POST', '/v1/endpoints', {
    url: receiver.url,
    name: 'lost',
    headers: { authorization: clear.header },
    retry: { schedule_s: [1] },
  });
  await first.stop();
  expect(statSync(join(dataDir, 'posthorn.key')).mode & 0o777).toBe(0o600);
  rmSync(join(dataDir, 'posthorn.key'));
  const second = await serve({ dataDir, evaluateEveryS: 1 });
  const { client } = second;
  await client.request('POST', '/v1/endpoints', { url: receiver.url, name: 'new' });
  await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
  await until('the other one is delivered', () => receiver.requests.length === 1);
  const failed = async (): Promise<
    { attempt_count: number; state: string; last_error: unknown } | undefined
  > =>
    (
      await client.request<{ items: { attempt_count: number; state: string; last_error: unknown }[] }>(
        'GET',
        `/v1/deliveries?endpoint_id=${id}`,
      )
    ).items[0];
  // Twice, which is more than its schedule has: a key that is missing ends no delivery.
  await until('its attempts have failed', async () => ((await failed())?.attempt_count ?? 0) >= 2);
  expect(await failed()).toMatchObject({
    state: 'pending',
    last_error: {
      class: 'secrets',
      message: expect.stringMatching(/sealed with secret key [0-9a-f]{8}, which this node does not have/),
    },
  });
  const locked = async (): Promise<unknown> =>
    (await client.request<{ secrets_error: unknown }>('GET', `/v1/endpoints/${id}`)).secrets_error;
  expect(await locked()).toMatch(/sealed with secret key/);
  expect(await (await fetch(`${second.url}/readyz`)).json()).toMatchObject({
    status: 'ready',
    locked_endpoints: 1,
  });
  const firing = async (): Promise<{ rule: string; state: string }[]> =>
    (await client.request<{ items: { rule: string; state: string }[] }>('GET', '/v1/alerts')).items;
  await until('it is an alert', async () => (await firing()).some(({ rule }) => rule === 'secrets_locked'));
  await client.request('POST', `/v1/endpoints/${id}/rotate-secret`, { grace_s: 0 });
  expect(await locked()).toMatch(/sealed with secret key/);
  await client.request('PATCH', `/v1/endpoints/${id}`, { headers: { authorization: 'another-value' } });
  expect(await locked()).toBeNull();
  expect(await (await fetch(`${second.url}/readyz`)).json()).not.toHaveProperty('locked_endpoints');
  await until('it is delivered', () => receiver.requests.length === 2);
  expect(receiver.requests[1]!.headers['authorization']).toBe('another-value');
  await second.stop();
  await receiver.close();
}, 60_000);
