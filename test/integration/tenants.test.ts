import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// Tenants as they are declared, and what their limits refuse.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Body = Record<string, unknown>;
const limits = { endpoints: null, events_per_s: null, pending_deliveries: null };

describe.each([
  ['SQLite, one node', 1],
  ['PostgreSQL, two nodes', 2],
])('%s', (_, count) => {
  let nodes: Posthorn[] = [];
  beforeAll(async () => {
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
  });
  let calls = 0;
  /** Each call goes to the next node. */
  const request = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    (await requestTo(nodes[calls++ % count]!, method, path, body)) as { status: number; body: Body };
  const url = 'http://127.0.0.1:1/';
  const anEndpoint = (tenant: string, fields: Body = {}) =>
    request('POST', '/v1/endpoints', { tenant, url, event_types: ['x'], ...fields });

  test('a tenant is declared, replaced, listed and deleted; the same again changes nothing', async () => {
    const path = '/v1/tenants/kestrel:eu';
    expect(await request('GET', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const full = {
      display_name: 'Kestrel',
      metadata: { crm_id: 'A-1', 'Owner.Name': 'Ada' },
      limits: { ...limits, endpoints: 3 },
    };
    const made = await request('PUT', path, full);
    expect(made).toMatchObject({ status: 200, body: { name: 'kestrel:eu', ...full } });
    expect(await request('PUT', path, full)).toEqual(made);
    expect(await request('GET', path)).toEqual(made);
    const bare = await request('PUT', path, {});
    expect(bare.body).toMatchObject({ display_name: '', metadata: {}, limits });
    expect(bare.body['fingerprint']).not.toBe(made.body['fingerprint']);
    await request('PUT', '/v1/tenants/another', {});
    const { body: list } = await request('GET', '/v1/tenants?limit=1');
    expect((list['items'] as Body[]).map(({ name }) => name)).toEqual(['another']);
    expect(await request('DELETE', path)).toMatchObject({ status: 204 });
    expect(await request('DELETE', path)).toMatchObject({ status: 404 });
  });

  test.each([
    ['/v1/tenants/posthorn', {}, '/name'],
    ['/v1/tenants/a%20b', {}, '/name'],
    ['/v1/tenants/a', { limits: { endpoints: -1 } }, '/limits/endpoints'],
    ['/v1/tenants/a', { limits: { events_per_s: 0 } }, '/limits/events_per_s'],
    ['/v1/tenants/a', { limits: { unknown: 1 } }, '/limits/unknown'],
    ['/v1/tenants/a', { metadata: { 'a b': '' } }, '/metadata/a b'],
    ['/v1/tenants/a', { metadata: { a: 'x'.repeat(513) } }, '/metadata/a'],
    [
      '/v1/tenants/a',
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (__, n) => [`k${n}`, ''])) },
      '/metadata',
    ],
  ])('PUT %s with %j is refused', async (path, body, fault) => {
    const { status, body: problem } = await request('PUT', path, body);
    expect(status).toBe(422);
    expect((problem['errors'] as Body[]).map((one) => one['path'])).toContain(fault);
  });

  test('a tenant with endpoints or keys cannot be deleted', async () => {
    await request('PUT', '/v1/tenants/used', {});
    const { body: endpoint } = await anEndpoint('used');
    expect(await request('DELETE', '/v1/tenants/used')).toMatchObject({
      status: 409,
      body: { code: 'in_use' },
    });
    await request('DELETE', `/v1/endpoints/${endpoint['id'] as string}`);
    const { body: key } = await request('POST', '/v1/keys', { name: 'k', scopes: ['read'], tenant: 'used' });
    expect(await request('DELETE', '/v1/tenants/used')).toMatchObject({
      status: 409,
      body: { code: 'in_use' },
    });
    await request('DELETE', `/v1/keys/${key['id'] as string}`);
    expect(await request('DELETE', '/v1/tenants/used')).toMatchObject({ status: 204 });
  });

  test('an endpoint beyond the limit is refused, also by name and by several at once', async () => {
    await request('PUT', '/v1/tenants/few', { limits: { endpoints: 2 } });
    expect((await anEndpoint('few', { name: 'one' })).status).toBe(201);
    const raced = await Promise.all(Array.from({ length: 4 }, () => anEndpoint('few')));
    expect(raced.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
    const refused = { status: 409, body: { code: 'tenant_limit' } };
    expect(await anEndpoint('few')).toMatchObject(refused);
    const ensure = (name: string) => request('PUT', `/v1/endpoints/${name}?tenant=few`, { url });
    expect(await ensure('two')).toMatchObject(refused);
    // One that is there is replaced, and another tenant has its own.
    expect((await ensure('one')).status).toBe(200);
    expect((await anEndpoint('others')).status).toBe(201);
  });

  test('events beyond the rate are refused with 429 and Retry-After; a batch counts its events', async () => {
    await request('PUT', '/v1/tenants/slow', { limits: { events_per_s: 0.01 } });
    for (const node of nodes) {
      const publish = async (path: string, body: unknown) => await requestTo(node, 'POST', path, body);
      const event = { tenant: 'slow', type: 'x', data: {} };
      // The other node hears of the declaration a moment later.
      const batch = { events: [event, { ...event, tenant: 'fast' }, event] };
      await until('a limit is heard of', async () => {
        await publish('/v1/events', event);
        return (await publish('/v1/events', event)).status === 429;
      });
      expect(await publish('/v1/events/batch', batch)).toMatchObject({
        status: 429,
        body: { code: 'too_many_events' },
      });
      expect((await publish('/v1/events', { ...event, tenant: 'fast' })).status).toBe(202);
      expect((await request('GET', '/v1/tenants/slow')).status).toBe(200);
    }
    await request('PUT', '/v1/tenants/slow', {});
    const again = () => request('POST', '/v1/events', { tenant: 'slow', type: 'x', data: {} });
    await until('all nodes know that the limit is removed', async () => (await again()).status === 202);
  });

  test('publishing is refused while too many deliveries are pending, and goes on when they are not', async () => {
    const { body: endpoint } = await anEndpoint('full', {
      retry: { schedule_s: [3600], give_up_after_s: 7200 },
    });
    await request('PUT', '/v1/tenants/full', { limits: { pending_deliveries: 5 } });
    const publish = () => request('POST', '/v1/events', { tenant: 'full', type: 'x', data: {} });
    let refusal: Awaited<ReturnType<typeof publish>> | null = null;
    let accepted = 0;
    await until('it is refused', async () => {
      const answer = await publish();
      if (answer.status === 202) accepted++;
      else refusal = answer;
      return refusal !== null;
    });
    expect(refusal).toMatchObject({ status: 429, body: { code: 'too_many_pending' } });
    // Each node counts what it has accepted itself at once.
    expect(accepted).toBeLessThanOrEqual(5 * count);
    const { body: list } = await request('GET', `/v1/deliveries?endpoint_id=${endpoint['id'] as string}`);
    for (const { id } of list['items'] as Body[])
      await request('POST', `/v1/deliveries/${id as string}/cancel`, { reason: 'test' });
    await until('it goes on', async () => (await publish()).status === 202);
  });
});

describe('posthorn tenants', () => {
  test('put, list, get, delete, and apply from a file', async () => {
    const server = await serve();
    try {
      const run = (...args: string[]) => runHere(...args, '--url', server.url, '--api-key', apiKey);
      const given = ['--display-name', 'Kestrel Pay', '--endpoints', '2', '--metadata', 'crm=A=1'];
      const put = await run('tenants', 'put', 'kestrel', ...given, '--metadata', 'b=', '--json');
      expect(put.code).toBe(0);
      expect(JSON.parse(put.out)).toMatchObject({
        name: 'kestrel',
        display_name: 'Kestrel Pay',
        metadata: { crm: 'A=1', b: '' },
        limits: { ...limits, endpoints: 2 },
      });
      expect((await run('tenants')).out).toMatch(/kestrel +Kestrel Pay +2/);
      expect(JSON.parse((await run('tenants', 'get', 'kestrel', '--json')).out)).toEqual(JSON.parse(put.out));
      const file = join(tempDir(), 'posthorn.yaml');
      const apply = (...args: string[]) => run('apply', '-f', file, ...args);
      writeFileSync(
        file,
        'tenants:\n  kestrel: { display_name: Kestrel Pay, limits: { endpoints: 2 }, metadata: { crm: A=1, b: "" } }\n  wren: {}\n',
      );
      expect((await apply()).out).toBe('+ tenants/wren\n1 changed, 1 as declared.\n');
      expect((await apply()).out).toBe('Nothing to change (2 as declared).\n');
      // A file that speaks of no tenants deletes none.
      writeFileSync(file, 'teams: {}\n');
      expect((await apply('--prune')).out).toBe('Nothing to change (0 as declared).\n');
      writeFileSync(file, 'tenants: { wren: {} }\n');
      expect((await apply('--prune')).out).toBe('- tenants/kestrel\n1 changed, 1 as declared.\n');
      expect(await run('tenants', 'delete', 'wren')).toMatchObject({ code: 0 });
      expect(await run('tenants', 'delete', 'wren')).toMatchObject({ code: 1 });
      expect(await run('tenants', 'put', 'x', '--endpoints', '-1')).toMatchObject({ code: 2 });
    } finally {
      await server.stop();
    }
  });
});
