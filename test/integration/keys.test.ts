import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { aroundCalls } from '../../packages/posthorn/src/store/store-calls.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { tempDir, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// Keys through the API: created, used, limited, rotated and revoked, on one node and on another.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Body = Record<string, unknown>;

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('G9: keys on %s', (_, count) => {
  const nodes: Awaited<ReturnType<typeof serve>>[] = [];
  beforeAll(async () => {
    const where = count === 1 ? { dataDir: tempDir() } : { databaseUrl: await postgres.createDatabase() };
    for (let n = 0; n < count; n++) nodes.push(await serve({ ...where, nodeName: `node-${n}` }));
  });
  afterAll(async () => {
    for (const node of nodes) await node.stop();
  });

  const call = async (
    key: string,
    method: string,
    path: string,
    body?: unknown,
    { url } = nodes[0]!,
  ): Promise<{ status: number; body: Body; headers: Headers }> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Body),
    };
  };
  const create = async (fields: Body = {}): Promise<{ id: string; key: string } & Body> => {
    const created = await call(apiKey, 'POST', '/v1/keys', { name: 'test', scopes: ['read'], ...fields });
    expect(created.status).toBe(201);
    return created.body as { id: string; key: string } & Body;
  };
  const worksOn = async (key: string, node = nodes[0]!): Promise<boolean> => {
    const { status, body } = await call(key, 'GET', '/v1/event-types', undefined, node);
    if (status === 200) return true;
    // Asked too often: as good as a no.
    if (body['code'] === 'too_many_failures') return false;
    expect(body).toMatchObject({
      status: 401,
      code: 'unauthorized',
      detail: 'send a valid key: Authorization: Bearer phk_…',
    });
    return false;
  };
  const last = (): (typeof nodes)[number] => nodes.at(-1)!;

  test('a key works at once where it was created and within a second elsewhere, and so does its end', async () => {
    const { id, key, ...shown } = await create({ scopes: ['read', 'read'] });
    expect(key).toMatch(/^phk_[\w-]{43}$/);
    expect(shown).toMatchObject({ name: 'test', state: 'active', scopes: ['read'], payloads: 'masked' });
    expect(await worksOn(key)).toBe(true);
    await until('the other node knows it', () => worksOn(key, last()), 5000);
    expect((await call(key, 'GET', '/v1/keys')).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await call(apiKey, 'DELETE', `/v1/keys/${id}`)).status).toBe(204);
    expect(await worksOn(key)).toBe(false);
    await until('the other node refuses it', async () => !(await worksOn(key, last())), 5000);
    expect((await call(apiKey, 'DELETE', `/v1/keys/${id}`)).status).toBe(204);
    const { body } = await call(apiKey, 'GET', `/v1/keys/${id}`);
    expect(body).toMatchObject({ id, state: 'revoked' });
    expect(JSON.stringify(body)).not.toContain(key);
    expect((await call(apiKey, 'POST', `/v1/keys/${id}/rotate`, {})).body).toMatchObject({
      code: 'wrong_state',
      status: 409,
    });
  });

  test('a rotated key works beside the new one until its grace ends, and not at all without a grace', async () => {
    const { id, key } = await create();
    const rotated = await call(apiKey, 'POST', `/v1/keys/${id}/rotate`, { grace_s: 60 });
    expect(rotated.status).toBe(200);
    const next = rotated.body['key'] as string;
    expect(await Promise.all([key, next].map((one) => worksOn(one)))).toEqual([true, true]);
    const again = await call(apiKey, 'POST', `/v1/keys/${id}/rotate`, { grace_s: 0 });
    const newest = again.body['key'] as string;
    expect(await Promise.all([key, next, newest].map((one) => worksOn(one)))).toEqual([false, false, true]);
  });

  test('a key expires at its time', async () => {
    const { key } = await create({ expires_at: new Date(Date.now() + 1500).toISOString() });
    expect(await worksOn(key)).toBe(true);
    await until('it has expired', async () => !(await worksOn(key)), 10_000);
  });

  test('its last use is shown, with the address that it came from', async () => {
    const { id, key } = await create();
    const lastUse = async (): Promise<unknown> =>
      (await call(apiKey, 'GET', `/v1/keys/${id}`, undefined, last())).body['last_used_from'];
    expect(await lastUse()).toBeNull();
    await worksOn(key);
    await until('it is known everywhere', async () => (await lastUse()) === '127.0.0.1', 20_000);
  });

  test('a key that is used more often than it may be gets 429 with Retry-After, and no other key does', async () => {
    const [limited, free] = [await create({ rate_limit_per_s: 0.01 }), await create()];
    expect((await call(limited.key, 'GET', '/v1/event-types')).status).toBe(200);
    const refused = await call(limited.key, 'GET', '/v1/event-types');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    const retryAfterS = Number(refused.headers.get('retry-after'));
    expect(retryAfterS > 0 && retryAfterS <= 100).toBe(true);
    expect(await worksOn(free.key)).toBe(true);
  });

  test('a key is bound to endpoints of one tenant, and then it neither publishes nor administers', async () => {
    const endpoint = async (tenant: string, name: string): Promise<string> =>
      (
        await call(apiKey, 'POST', '/v1/endpoints', {
          tenant,
          name,
          url: 'http://127.0.0.1:1/',
          event_types: ['x'],
        })
      ).body['id'] as string;
    const [a, b] = [await endpoint('acme', 'orders'), await endpoint('globex', 'orders')];
    expect(await create({ endpoint_ids: [a] })).toMatchObject({ tenant: 'acme', endpoint_ids: [a] });
    expect(await create({ tenant: 'globex', endpoint_ids: ['orders', b] })).toMatchObject({
      endpoint_ids: [b],
    });
    const refusals: readonly [Body, string][] = [
      [{ endpoint_ids: [a, b] }, '/endpoint_ids'],
      [{ endpoint_ids: [a, 'ep_none'] }, '/endpoint_ids/1'],
      [{ endpoint_ids: [a], tenant: 'globex' }, '/endpoint_ids/0'],
      [{ endpoint_ids: [a], scopes: ['read', 'publish'] }, '/endpoint_ids'],
      [{ endpoint_ids: [a], scopes: ['admin'] }, '/endpoint_ids'],
      [{ expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
      [{ scopes: [] }, '/scopes'],
      [{ scopes: ['root'] }, '/scopes/0'],
      [{ tenant: 'posthorn' }, '/tenant'],
    ];
    for (const [fields, path] of refusals) {
      const { body } = await call(apiKey, 'POST', '/v1/keys', { name: 'x', scopes: ['read'], ...fields });
      expect(body, JSON.stringify(fields)).toMatchObject({ status: 422, errors: [{ path }] });
    }
  });

  test('revoking every admin key does not lock operators out: the first admin key is not among them', async () => {
    const { id, key } = await create({ scopes: ['admin'] });
    expect((await call(key, 'DELETE', `/v1/keys/${id}`)).status).toBe(204);
    expect((await call(key, 'GET', '/v1/keys')).status).toBe(401);
    const { items } = (await call(apiKey, 'GET', '/v1/keys?limit=1000')).body as { items: Body[] };
    expect(items.find((one) => one['id'] === id)).toMatchObject({ state: 'revoked', payloads: 'full' });
  });

  test('ended keys are counted by reason, and neither key nor hash is in metrics', async () => {
    const { id, key } = await create();
    await call(apiKey, 'DELETE', `/v1/keys/${id}`);
    await worksOn(key);
    const metrics = await (await fetch(`${nodes[0]!.url}/metrics`)).text();
    expect(metrics).toMatch(/posthorn_authentication_failures_total\{reason="revoked"\} [1-9]/);
    expect(metrics).not.toContain(key);
  });
});

test('G8, G9: unknown tokens cost the store no more reads than the address may fail', async () => {
  const opened = await openSqliteStore({ dataDir: tempDir(), thread: true });
  let reads = 0;
  const counting = aroundCalls(opened, (method, perform, args) => {
    if (method === 'session') reads++;
    return perform(...args);
  });
  const server = await serve({}, counting);
  try {
    const before = reads;
    for (let n = 0; n < 200; n++)
      for (const kind of ['phk', 'phl']) {
        const authorization = `Bearer ${kind}_nobody_${n}`;
        const { status } = await fetch(`${server.url}/v1/me`, { headers: { authorization } });
        expect([401, 429]).toContain(status);
      }
    // Thirty at once, and one every two seconds.
    expect(reads - before).toBeLessThan(150);
  } finally {
    await server.stop();
  }
});

describe('posthorn keys', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve();
    process.env['POSTHORN_URL'] = server.url;
    process.env['POSTHORN_API_KEY'] = apiKey;
  });
  afterAll(async () => {
    delete process.env['POSTHORN_URL'];
    delete process.env['POSTHORN_API_KEY'];
    await server.stop();
  });
  const status = async (key: string): Promise<number> =>
    (await fetch(`${server.url}/v1/event-types`, { headers: { authorization: `Bearer ${key}` } })).status;

  test('creates, lists, rotates and revokes; a key is printed once, alone on standard output', async () => {
    const made = await runHere('keys', 'create', 'ci', '--scopes', 'publish,read', '--tenant', 'acme');
    expect(made.code).toBe(0);
    expect(made.out).toMatch(/^phk_[\w-]{43}\n$/);
    const [id] = /key_\w+/.exec(made.err)!;
    expect(await status(made.out.trim())).toBe(200);

    const listed = await runHere('keys');
    expect(listed.out).toMatch(new RegExp(`${id} +ci +active +publish read +acme +all +masked`));
    expect(listed.out).not.toContain('phk_');
    expect((await runHere('keys', 'list', '--tenant', 'other')).out).not.toContain(id);
    const shown = await runHere('keys', 'get', id, '--json');
    expect(JSON.parse(shown.out)).toMatchObject({ id, scopes: ['publish', 'read'] });

    const rotated = await runHere('keys', 'rotate', id, '--grace', '0', '--json');
    const { key } = JSON.parse(rotated.out) as { key: string };
    expect([await status(made.out.trim()), await status(key)]).toEqual([401, 200]);

    expect((await runHere('keys', 'revoke', id)).out).toBe(`revoked ${id}\n`);
    expect(await status(key)).toBe(401);
    expect((await runHere('keys')).out).toMatch(new RegExp(`${id} +ci +revoked`));
    expect((await runHere('keys', 'rotate', id)).code).toBe(1);
    expect((await runHere('keys', 'get', 'key_none')).code).toBe(1);
  });

  test.each([
    [['keys', 'create', 'x']],
    [['keys', 'create', 'x', '--scopes', 'root']],
    [['keys', 'create', 'x', '--scopes', 'read,']],
    [['keys', 'create', 'x', '--scopes', 'read', '--payloads', 'some']],
    [['keys', 'create', 'x', '--scopes', 'read', '--expires-at', 'soon']],
    [['keys', 'create', 'x', '--scopes', 'read', '--rate-limit', '0']],
    [['keys', 'rotate', 'key_1', '--grace', '-1']],
  ])('%j is wrong usage, and nothing is sent', async (args) => {
    expect((await runHere(...args)).code).toBe(2);
  });
});
