import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPosthorn, PosthornError } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, secretKey, tempDir, until } from '../support.ts';

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
    secretKey,
    allowPrivateNetworks: true,
  });
  const made = await posthorn.endpoints.create({ url: receiver.url, eventTypes: ['*'], timeoutMs: 5000 });
  expect(made).toMatchObject({ url: receiver.url, eventTypes: ['*'], timeoutMs: 5000 });
  // Before it is started, what is published waits in the store.
  const first = await posthorn.publish({ type: 'payment.succeeded', data: { n: 1 }, id: 'first' });
  expect(first).toMatchObject({ id: 'first', deliveries: 1, duplicate: false });
  expect(Date.parse(first.acceptedAt)).toBeGreaterThan(0);
  expect(receiver.requests).toHaveLength(0);
  await posthorn.start();
  const odd = { snake_case: 1, camelCase: { a_b: [null] }, 'with space': 1.5 };
  const more = await posthorn.publish([
    { type: 'a.b', data: odd },
    { type: 'a.c', data: 2, value: { amountMinor: 1099, currency: 'EUR' }, orderingKey: 'k' },
  ]);
  expect(more).toHaveLength(2);
  expect(await posthorn.publish({ type: 'payment.succeeded', data: { n: 1 }, id: 'first' })).toMatchObject({
    duplicate: true,
  });
  await until('all have arrived', () => receiver.requests.length === 3);
  const bodies = receiver.requests.map(({ body }) => body.toString());
  expect(bodies.find((body) => body.includes('a.b'))).toContain(`"data":${JSON.stringify(odd)}`);
  expect(await posthorn.events.get(more[1]!.id)).toMatchObject({
    data: 2,
    orderingKey: 'k',
    value: { amountMinor: 1099, currency: 'EUR' },
  });
  const delivered: string[] = [];
  for await (const { eventId } of posthorn.deliveries.list({ endpointId: made.id, limit: 1 }))
    delivered.push(eventId);
  expect(delivered.toSorted()).toEqual([first.id, ...more.map(({ id }) => id)].toSorted());
  await posthorn.stop();
  await expect(posthorn.accounting.get()).rejects.toMatchObject({ code: 'unavailable' });
  // The pool is the application's, and stays open.
  expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows[0]!.one).toBe(1);
  await pool.end();
  await receiver.close();
});

test('what is refused rejects with a code, and names each field as the caller wrote it', async () => {
  const posthorn = await createPosthorn({ database: tempDir() });
  const failure = async (call: Promise<unknown>): Promise<PosthornError> => {
    const error: unknown = await call.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PosthornError);
    return error as PosthornError;
  };
  await posthorn.publish({ type: 'a', data: 1, id: 'first' });
  expect(await failure(posthorn.publish({ type: 'a', data: 2, id: 'first' }))).toMatchObject({
    code: 'event_id_conflict',
    errors: [{ path: '/id' }],
  });
  expect(
    await failure(posthorn.publish({ type: 'no type at all', data: 1, orderingKey: 7 as unknown as string })),
  ).toMatchObject({
    code: 'invalid_request',
    errors: [{ path: '/type' }, { path: '/orderingKey' }],
  });
  expect(
    await failure(posthorn.publish([{ type: 'a', data: 1, value: { amountMinor: 0.5, currency: 'EUR' } }])),
  ).toMatchObject({ code: 'invalid_request', errors: [{ path: '/events/0/value/amountMinor' }] });
  expect(await failure(posthorn.endpoints.create({ url: 'not a URL' }))).toMatchObject({
    code: 'invalid_request',
    errors: [{ path: '/url' }],
  });
  expect(await failure(posthorn.endpoints.create({ url: 'http://127.0.0.1/' }))).toMatchObject({
    code: 'invalid_request',
    errors: [{ path: '/url' }],
  });
  expect(await failure(posthorn.events.get('none'))).toMatchObject({ code: 'not_found' });
  expect(await failure(posthorn.deliveries.list({ limit: 0 }))).toMatchObject({
    code: 'invalid_request',
    errors: [{ path: '/limit' }],
  });
  await posthorn.stop();
});

test('an endpoint is ensured by its name: twice the same makes one', async () => {
  const posthorn = await createPosthorn({ database: tempDir() });
  const ensure = (url: string) => posthorn.endpoints.ensure('shop', { url, eventTypes: ['payment.*'] });
  const first = await ensure('https://example.com/hook');
  const again = await ensure('https://example.com/hook');
  const moved = await ensure('https://example.com/other');
  expect([again.id, moved.id]).toEqual([first.id, first.id]);
  expect(moved.url).toBe('https://example.com/other');
  expect((await posthorn.endpoints.list()).items).toHaveLength(1);
  await posthorn.stop();
});

test("use: the event commits with the application's transaction, or not at all", async () => {
  const pool = await aPool();
  const receiver = await aReceiver();
  const posthorn = await createPosthorn({ database: pool, secretKey, allowPrivateNetworks: true });
  await posthorn.endpoints.create({ url: receiver.url });
  await posthorn.start();
  await pool.query('CREATE TABLE payments (id text PRIMARY KEY)');
  const pay = async (id: string, commit: boolean): Promise<void> => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('INSERT INTO payments VALUES ($1)', [id]);
    const receipt = await posthorn
      .use(client)
      .publish({ type: 'payment.succeeded', id, data: { id }, orderingKey: 'k' });
    expect(receipt).toMatchObject({ id, deliveries: 1, duplicate: false });
    expect(Date.parse(receipt.acceptedAt)).toBeGreaterThan(0);
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
