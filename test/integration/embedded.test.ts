import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPosthorn, EventConflictError } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

/** An application's own pool. */
async function aPool(): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: await postgres.createDatabase() });
  // `pool.end()` does not wait for its connections to close: the server may stop first, and says so on each.
  pool.on('error', () => {});
  return pool;
}

test.each(['a directory', "the application's pool"])('a node inside an application, on %s', async (where) => {
  const pool = await aPool();
  const receiver = await aReceiver();
  const posthorn = await createPosthorn({
    database: where === 'a directory' ? tempDir() : pool,
    allowPrivateNetworks: true,
  });
  const made = await posthorn.request('POST', '/v1/endpoints', { url: receiver.url });
  expect(made.status).toBe(201);
  // Before it is started, what is published waits in the store.
  const first = await posthorn.publish({ type: 'payment.succeeded', data: { n: 1 }, id: 'first' });
  expect(first).toMatchObject({ id: 'first', deliveries: 1, duplicate: false });
  expect(receiver.requests).toHaveLength(0);
  await posthorn.start();
  const more = await posthorn.publish([
    { type: 'a.b', data: 1 },
    { type: 'a.c', data: 2, value: { amount_minor: 1099, currency: 'EUR' } },
  ]);
  expect(more).toHaveLength(2);
  expect(await posthorn.publish({ type: 'payment.succeeded', data: { n: 1 }, id: 'first' })).toMatchObject({
    duplicate: true,
  });
  await expect(posthorn.publish({ type: 'payment.succeeded', data: { n: 2 }, id: 'first' })).rejects.toThrow(
    EventConflictError,
  );
  await expect(posthorn.publish({ type: 'no type at all', data: 1 })).rejects.toThrow(/type/);
  await until('all have arrived', () => receiver.requests.length === 3);
  await posthorn.stop();
  await expect(posthorn.request('GET', '/v1/accounting')).rejects.toThrow(/closed/);
  // The pool is the application's, and stays open.
  expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows[0]!.one).toBe(1);
  await pool.end();
  await receiver.close();
});

test("use: the event commits with the application's transaction, or not at all", async () => {
  const pool = await aPool();
  const receiver = await aReceiver();
  const posthorn = await createPosthorn({ database: pool, allowPrivateNetworks: true });
  await posthorn.request('POST', '/v1/endpoints', { url: receiver.url });
  await posthorn.start();
  await pool.query('CREATE TABLE payments (id text PRIMARY KEY)');
  const pay = async (id: string, commit: boolean): Promise<void> => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO payments VALUES ($1)', [id]);
    const receipt = await posthorn
      .use(client)
      .publish({ type: 'payment.succeeded', id, data: { id }, ordering_key: 'k' });
    expect(receipt).toMatchObject({ id, deliveries: 1, duplicate: false });
    expect(receipt.acceptedAt).toBeGreaterThan(0);
    await client.query(commit ? 'COMMIT' : 'ROLLBACK');
    client.release();
  };
  await pay('rolled_back', false);
  await pay('committed', true);
  await until('it has arrived', () => receiver.requests.length > 0);
  await posthorn.stop();
  await pool.end();
  expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(['committed']);
  await receiver.close();
});
