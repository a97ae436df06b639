import { execFile } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command } from '../bundles.ts';
import { ownedShards } from '../../packages/posthorn/src/domain/shard.ts';
import { Database } from '../../packages/posthorn/src/store/postgres/database.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { noRoom } from '../conformance/store/subject.ts';
import { settlementOf } from '../settlement.ts';
import { aReceiver, anEndpoint, anEvent, start, until } from '../support.ts';
import { apiKey, serve } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

test('many nodes that start at once migrate once; an older one refuses a newer schema', async () => {
  const url = await postgres.createDatabase();
  const opened = await Promise.all(Array.from({ length: 5 }, () => openPostgresStore(url)));
  for (const { store } of opened) await store.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('INSERT INTO posthorn.migrations VALUES (1000)');
  await client.end();
  await expect(openPostgresStore(url)).rejects.toThrow(/newer Posthorn \(schema 1000/);
});

test('verify reads a database and changes none', async () => {
  const url = await postgres.createDatabase();
  await expect(openPostgresStore(url, { readOnly: true })).rejects.toThrow(
    'Posthorn has not been set up in this database',
  );
  await (await openPostgresStore(url)).store.close();
  await (await openPostgresStore(url, { readOnly: true })).store.close();
});

test('posthorn migrate: migrates, and says what --citus needs', async () => {
  const url = await postgres.createDatabase();
  const migrate = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const child = execFile(process.execPath, [command, 'migrate', ...args], (_, out, err) =>
        resolve({ code: child.exitCode!, out, err }),
      );
    });
  const migrated = await migrate('--database-url', url, '--json');
  expect([migrated.code, JSON.parse(migrated.out)]).toEqual([0, { migrated: true, distributed: [] }]);
  const { store } = await openPostgresStore(url, { readOnly: true });
  await store.close();
  const refused = await migrate('--database-url', url, '--citus');
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/Citus is not installed in this database/);
});

test('two transactions that wait for each other: the one that the server ends runs again, and both commit once (G4)', async () => {
  const db = Database.connect(await postgres.createMigrated(), 4);
  const shared = 'UPDATE posthorn.settings SET value = value || $2 WHERE name = $1';
  try {
    for (const name of ['one', 'two'])
      await db.query('', 'INSERT INTO posthorn.settings (name, value) VALUES ($1, $2)', [name, '']);
    const bothHold = Promise.withResolvers<void>();
    let runs = 0;
    const crossing = (mark: string, first: string, second: string): Promise<void> =>
      db.transaction(async (connection) => {
        await connection.query('', shared, [first, mark]);
        if (++runs === 2) bothHold.resolve();
        await bothHold.promise;
        await connection.query('', shared, [second, mark]);
      });
    await Promise.all([crossing('a', 'one', 'two'), crossing('b', 'two', 'one')]);
    expect(runs).toBe(3);
    const rows = await db.query('', "SELECT value FROM posthorn.settings WHERE name IN ('one', 'two')");
    for (const [value] of rows) expect(['ab', 'ba']).toContain(value);
  } finally {
    await db.close();
  }
});

test('G6: an answer that comes while the data of its event are deleted is not kept', async () => {
  const url = await postgres.createMigrated();
  const { store } = await openPostgresStore(url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { id } = anEndpoint();
    await store.write.createEndpoint(anEndpoint({ id }));
    await store.write.accept([[anEvent({ id: 'e' })]], noRoom);
    const { deliveries } = await store.write.claim({
      endpointId: id,
      shards: null,
      limit: 1,
      maxPayload: 1e9,
      now: start,
      leaseMs: 60_000,
      node: 'a',
    });
    const { number } = deliveries[0]!;
    await store.write.cancelDelivery(number, 'wrong customer', start);
    // What a deletion does first, on its way to the answers.
    await client.query('BEGIN');
    await client.query('UPDATE posthorn.events SET data_deleted_at = $1', [start]);
    let isSettled = false;
    const settled = store.write
      .settle([settlementOf(deliveries[0]!, 'delivered', start)])
      .then(() => (isSettled = true));
    await until('it waits for the deletion, or does not', async () => {
      const { rows } = await client.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
      );
      return rows.length > 0 || isSettled;
    });
    await client.query('COMMIT');
    await settled;
    const [late] = await store.read.attempts(number);
    expect(late).toMatchObject({ outcome: 'superseded', responseExcerpt: null });
  } finally {
    await client.end();
    await store.close();
  }
});

interface Nodes {
  readonly items: readonly { readonly node: string; readonly shards: readonly number[] }[];
}

test('nodes share the shards, and share them anew when one comes or goes', async () => {
  const databaseUrl = await postgres.createDatabase();
  const a = await serve({ databaseUrl, nodeName: 'a' });
  const nodes = async (): Promise<Nodes['items']> =>
    (await a.client.request<Nodes>('GET', '/v1/nodes')).items;
  expect(await nodes()).toMatchObject([{ node: 'a', shards: { length: 64 } }]);
  const b = await serve({ databaseUrl, nodeName: 'b' });
  await until('both are known', async () => (await nodes()).length === 2);
  const shares = (await nodes()).map(({ shards }) => shards);
  expect(shares.flat().toSorted((x, y) => x - y)).toEqual(Array.from({ length: 64 }, (_, shard) => shard));
  await b.stop();
  expect(await nodes()).toMatchObject([{ node: 'a', shards: { length: 64 } }]);
  await a.stop();
});

test('rendezvous hashing moves only the shards of the node that comes or goes', () => {
  const names = ['a', 'b', 'c', 'd'];
  for (const gone of names) {
    const left = names.filter((name) => name !== gone);
    for (const name of left)
      expect(ownedShards(left, name)).toEqual(expect.arrayContaining(ownedShards(names, name)));
  }
  for (const name of names) expect(ownedShards(names, name).length).toBeGreaterThan(6);
});

test('what one node accepts and another owns is delivered without waiting for a look', async () => {
  const databaseUrl = await postgres.createDatabase();
  const [a, b] = await Promise.all([
    serve({ databaseUrl, nodeName: 'a' }),
    serve({ databaseUrl, nodeName: 'b' }),
  ]);
  const receiver = await aReceiver();
  await a.client.request('POST', '/v1/endpoints', { url: receiver.url, ordering: 'key' });
  await until(
    'both own their part',
    async () => (await b.client.request<Nodes>('GET', '/v1/nodes')).items.length === 2,
  );
  // Looking by itself a node takes 5 s, and each round begins just after one: five rounds without the hint take 20 s.
  const began = performance.now();
  const [rounds, each] = [5, 8];
  for (let round = 0; round < rounds; round++) {
    const events = Array.from({ length: each }, (_, n) => {
      const data = round * each + n;
      return { type: 'a.b', data, ordering_key: `key_${data}` };
    });
    await a.client.request('POST', '/v1/events/batch', { events });
    await until('all have arrived', () => receiver.requests.length === (round + 1) * each);
  }
  expect(performance.now() - began).toBeLessThan(15_000);
  const claimedBy = new Set<string>();
  const { items } = await a.client.request<{ items: { id: string }[] }>('GET', '/v1/deliveries');
  for (const { id } of items) {
    await until('its attempt is logged', async () => {
      const { attempts } = await a.client.request<{ attempts: { node: string }[] }>(
        'GET',
        `/v1/deliveries/${id}`,
      );
      for (const { node } of attempts) claimedBy.add(node);
      return attempts.length === 1;
    });
  }
  expect([...claimedBy].toSorted()).toEqual(['a', 'b']);
  // An endpoint paused on one node is paused on the other.
  const [endpoint] = (await b.client.request<{ items: { id: string }[] }>('GET', '/v1/endpoints')).items;
  await b.client.request('POST', `/v1/endpoints/${endpoint!.id}/pause`);
  expect(await a.client.request('POST', '/v1/events', { type: 'a.b', data: 1 })).toMatchObject({
    suppressed: 1,
  });
  await Promise.all([a.stop(), b.stop()]);
  await receiver.close();
});

test('G1: a database that is away: 503 with Retry-After, not ready, nothing acknowledged is lost, and on it goes', async () => {
  const own = await startPostgres({ own: true });
  const { url, client, stop } = await serve({ databaseUrl: await own.createDatabase() });
  let answering = true;
  const receiver = await aReceiver((_, response) => {
    if (answering) response.end('ok');
    else response.writeHead(500).end();
  });
  const publish = (n: number): Promise<Response> =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: `away_${n}`, type: 'a.b', data: n }),
    });
  try {
    await client.request('POST', '/v1/endpoints', { url: receiver.url, retry: { schedule_s: [1, 1, 1, 1] } });
    answering = false;
    for (let n = 0; n < 20; n++) expect((await publish(n)).status).toBe(202);
    await until('they have failed once', () => receiver.requests.length >= 20);
    await own.kill();
    const refused = await publish(100);
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    await until('it says so', async () => (await fetch(`${url}/readyz`)).status === 503);
    answering = true;
    await own.restart();
    await until('it is ready again', async () => (await fetch(`${url}/readyz`)).status === 200);
    expect((await publish(200)).status).toBe(202);
    await until(
      'everything is delivered',
      async () => (await client.request<{ delivered: number }>('GET', '/v1/accounting')).delivered >= 21,
    );
    const ids = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    expect([...ids].filter((id) => id !== 'away_100')).toHaveLength(21);
  } finally {
    await stop();
    await receiver.close();
    await own.stop();
  }
});

test('an Idempotency-Key counts on every node: of requests at once one is carried out, and each node gives its answer', async () => {
  const databaseUrl = await postgres.createMigrated();
  const nodes = [await serve({ databaseUrl }), await serve({ databaseUrl })];
  const post = async (at: number): Promise<{ status: number; text: string; replayed: string | null }> => {
    const response = await fetch(`${nodes[at % 2]!.url}/v1/endpoints`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': 'once',
      },
      body: JSON.stringify({ url: 'http://127.0.0.1:1/' }),
    });
    const { status, headers } = response;
    return { status, text: await response.text(), replayed: headers.get('idempotent-replayed') };
  };
  const atOnce = await Promise.all(Array.from({ length: 8 }, (_, at) => post(at)));
  const made = new Set(atOnce.filter(({ status }) => status === 201).map(({ text }) => text));
  expect(made.size).toBe(1);
  for (const at of [0, 1])
    expect(await post(at)).toEqual({ status: 201, text: [...made][0], replayed: 'true' });
  const { items } = await nodes[1]!.client.request<{ items: unknown[] }>('GET', '/v1/endpoints');
  expect(items).toHaveLength(1);
  for (const { stop } of nodes) await stop();
});
