import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

// Endpoints by the caller's own names: declared, found, changed and deleted by them.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Body = Record<string, unknown>;
type Answer = Awaited<ReturnType<typeof requestTo>> & { body: Body };

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let nodes: Posthorn[] = [];
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  beforeAll(async () => {
    receiver = await aReceiver();
    const database = count === 1 ? tempDir() : await postgres.createDatabase();
    nodes = [];
    for (let n = 0; n < count; n++) {
      const node = await createNode({ database, allowPrivateNetworks: true });
      await node.start();
      nodes.push(node);
    }
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
    await receiver.close();
  });
  let calls = 0;
  /** Each call goes to the next node. */
  const request = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    (await requestTo(nodes[calls++ % count]!, method, path, body)) as Answer;
  const url = 'http://127.0.0.1:1/';

  test('PUT by a name creates an endpoint once, and answers its secret only then', async () => {
    const put = (body: object) => request('PUT', '/v1/endpoints/orders', body);
    const made = await put({ url, event_types: ['order.*'] });
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'orders', tenant: 'default', event_types: ['order.*'] },
    });
    expect(made.body['secret']).toMatch(/^whsec_/);
    const again = await put({ url, event_types: ['order.*'] });
    const { secret: __, ...rest } = made.body;
    // The same again changes nothing, not even the time of its change.
    expect(again).toEqual({ status: 200, body: rest });
    const { body: list } = await request('GET', '/v1/endpoints');
    expect((list['items'] as Body[]).filter(({ name }) => name === 'orders')).toHaveLength(1);
  });

  test('PUT changes an endpoint to exactly what it says: everything else has its default, and the secret stays', async () => {
    await request('PUT', '/v1/templates/brisk', { timeout_ms: 1234 });
    const path = '/v1/endpoints/exact?tenant=shop';
    const { body: made } = await request('PUT', path, {
      url,
      description: 'd',
      template: 'brisk',
      deliver_within_s: 60,
      headers: { 'x-a': '1', 'x-b': '2' },
      max_in_flight: 3,
      rate_limit_per_s: 5,
      ordering: 'key',
      filter: { '/a': 1 },
      enabled: false,
    });
    expect(made).toMatchObject({
      tenant: 'shop',
      timeout_ms: 1234,
      enabled: false,
      overrides: ['deliver_within_s'],
    });
    const plain = await request('POST', '/v1/endpoints', { url, tenant: 'shop' });
    const changed = await request('PUT', path, { url, headers: { 'x-b': null } });
    const { secret: __, ...defaults } = plain.body;
    expect(changed).toEqual({
      status: 200,
      body: {
        ...defaults,
        id: made['id'],
        name: 'exact',
        headers: { 'x-b': null },
        created_at: made['created_at'],
        updated_at: expect.any(String) as string,
      },
    });
    // The value of a header that null keeps, and the secret, are still the former ones.
    await request('PUT', path, { url: receiver.url, headers: { 'x-b': null }, secret: made['secret'] });
    await request('POST', '/v1/events', { tenant: 'shop', type: 'a', data: {} });
    await until('it is delivered', () => receiver.requests.some(({ headers }) => headers['x-b'] === '2'));
    const none = await request('PUT', path, { url, headers: { 'x-c': null } });
    expect(none).toMatchObject({ status: 422, body: { errors: [{ path: '/headers/x-c' }] } });
  });

  test('G4: PUTs at the same time make one endpoint, and one of them makes it', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (__, n) =>
        request('PUT', '/v1/endpoints/race?tenant=race', { url, description: `${n}` }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(answers.filter(({ body }) => body['secret'] !== undefined)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1);
    const { body } = await request('GET', '/v1/endpoints?tenant=race');
    expect(body['items']).toHaveLength(1);
  });

  test('a taken name is refused, and a deleted endpoint has none any more', async () => {
    const post = (name: string | null, tenant = 'taken') =>
      request('POST', '/v1/endpoints', { url, tenant, name });
    const first = await post('till');
    expect(first).toMatchObject({ status: 201, body: { name: 'till' } });
    expect(await post('till')).toMatchObject({ status: 409, body: { code: 'name_taken' } });
    expect(await post('till', 'other')).toMatchObject({ status: 201 });
    const second = await post(null);
    const rename = (name: string | null) =>
      request('PATCH', `/v1/endpoints/${String(second.body['id'])}`, { name });
    expect(await rename('till')).toMatchObject({ status: 409, body: { code: 'name_taken' } });
    expect(await rename('desk')).toMatchObject({ status: 200, body: { name: 'desk' } });
    expect(await rename(null)).toMatchObject({ status: 200, body: { name: null } });
    expect((await request('DELETE', '/v1/endpoints/till?tenant=taken')).status).toBe(204);
    expect((await request('GET', '/v1/endpoints/till?tenant=taken')).status).toBe(404);
    expect(await rename('till')).toMatchObject({ status: 200, body: { name: 'till' } });
  });

  test("where a call names an endpoint by its id, the endpoint's name serves too", async () => {
    const { body: made } = await request('PUT', '/v1/endpoints/desk?tenant=calls', { url: receiver.url });
    const id = made['id'];
    const call = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: object) =>
      request(method, `/v1/endpoints/desk${path}?tenant=calls`, body);
    expect(await call('GET', '')).toMatchObject({ status: 200, body: { id, name: 'desk' } });
    expect(await call('PATCH', '', { description: 'd' })).toMatchObject({
      status: 200,
      body: { id, description: 'd' },
    });
    expect(await call('POST', '/pause', {})).toMatchObject({ status: 200, body: { id, enabled: false } });
    expect(await call('POST', '/resume')).toMatchObject({ status: 200, body: { id, enabled: true } });
    expect(await call('POST', '/rotate-secret', {})).toMatchObject({ status: 200, body: { id } });
    expect(await call('POST', '/test')).toMatchObject({ status: 202 });
    // Without a tenant it is the default one's, and another tenant's endpoint is not found, whatever it is called.
    expect((await request('GET', '/v1/endpoints/desk')).status).toBe(404);
    expect((await request('GET', `/v1/endpoints/${String(id)}`)).status).toBe(200);
    expect((await request('GET', `/v1/endpoints/${String(id)}?tenant=race`)).status).toBe(404);

    const { body: event } = await request('POST', '/v1/events', { tenant: 'calls', type: 'a', data: {} });
    const replayed = await request('POST', `/v1/events/${String(event['id'])}/replay?tenant=calls`, {
      endpoint_id: 'desk',
    });
    expect(replayed).toMatchObject({ status: 202, body: { deliveries: 1 } });
    for (const query of [
      'tenant=calls&endpoint_id=desk',
      `endpoint_id=${String(id)}`,
      `tenant=calls&endpoint_id=none,desk`,
    ]) {
      expect((await request('GET', `/v1/deliveries?${query}`)).body['items']).toHaveLength(3);
      expect((await request('GET', `/v1/accounting?${query}`)).body).toMatchObject({ accepted: 3 });
    }
    expect((await request('GET', '/v1/deliveries?endpoint_id=desk')).body['items']).toEqual([]);
    const redrive = await request('POST', '/v1/redrives', {
      filter: { tenant: 'calls', endpoint_id: 'desk' },
      dry_run: true,
    });
    expect(redrive.body['filter']).toEqual({ tenant: ['calls'], endpoint_id: [id], state: ['dead'] });
  });

  test.each([
    ['PUT', '/v1/endpoints/b%20g', { url }, '/id'],
    ['PUT', `/v1/endpoints/${'x'.repeat(257)}`, { url }, '/id'],
    ['PUT', '/v1/endpoints/a', {}, '/url'],
    ['PUT', '/v1/endpoints/a', { url: 'none' }, '/url'],
    ['PUT', '/v1/endpoints/a', { url, name: 'b' }, '/name'],
    ['PUT', '/v1/endpoints/a?tenant=x', { url, tenant: 'y' }, '/tenant'],
    ['PUT', '/v1/endpoints/a?tenant=posthorn', { url }, '/tenant'],
    ['PUT', '/v1/endpoints/a', { url, secret: 'short' }, '/secret'],
    ['POST', '/v1/endpoints', { url, name: 'ep_1' }, '/name'],
    ['POST', '/v1/endpoints', { url, name: '' }, '/name'],
  ] as const)('%s %s %j is refused, and nothing is stored', async (method, path, body, at) => {
    expect(await request(method, path, body)).toMatchObject({
      status: 422,
      body: { errors: [{ path: at }] },
    });
    expect((await request('GET', '/v1/endpoints/a')).status).toBe(404);
  });
});

test('an endpoint that was paused by a 410 is not resumed by the same declaration, and is by another URL', async () => {
  const gone = await aReceiver((_, response) => void response.writeHead(410).end());
  const node = await createNode({ database: tempDir(), allowPrivateNetworks: true });
  await node.start();
  const put = async (body: object) => (await requestTo(node, 'PUT', '/v1/endpoints/till', body)) as Answer;
  await put({ url: gone.url });
  await node.publish({ type: 'a', data: {} });
  await until('it is paused', async () => !((await put({ url: gone.url })).body['enabled'] as boolean));
  expect((await put({ url: gone.url, description: 'd' })).body).toMatchObject({
    enabled: false,
    paused_reason: 'gone',
  });
  expect((await put({ url: `${gone.url}/new` })).body).toMatchObject({ enabled: true, paused_reason: null });
  await node.stop();
  await gone.close();
});
