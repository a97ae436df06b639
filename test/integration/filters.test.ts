import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// Filters with several values, lists in both orders, and what Posthorn does itself left out of lists and sums.

let server: Awaited<ReturnType<typeof serve>>;
type Item = Record<string, unknown>;
interface Page {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}
const get = async (path: string): Promise<Page & Item> => await server.client.request('GET', path);
const eventsOf = async (query: string): Promise<unknown[]> =>
  (await get(`/v1/deliveries?${query}`)).items.map((item) => item['event_id']).toSorted();
const ids: Record<string, string> = {};

beforeAll(async () => {
  server = await serve();
  vi.stubEnv('POSTHORN_URL', server.url);
  vi.stubEnv('POSTHORN_API_KEY', apiKey);
  const { request } = server.client;
  const url = 'http://127.0.0.1:1/';
  for (const tenant of ['a', 'b', 'c']) {
    const dead = { tenant, url, retry: { schedule_s: [] }, enabled: tenant !== 'c' };
    ids[tenant] = (await request<{ id: string }>('POST', '/v1/endpoints', dead)).id;
    await request('POST', '/v1/events/batch', {
      events: [
        { id: `${tenant},1`, tenant, type: 'payment.made', data: {} },
        { id: `${tenant}2`, tenant, type: `order.${tenant}`, data: {} },
      ],
    });
  }
  // A delivery of Posthorn's own, which fails too.
  const channel = await request<{ endpoint_id: string }>('PUT', '/v1/channels/ops', { kind: 'webhook', url });
  await request('POST', `/v1/endpoints/${channel.endpoint_id}/test`);
  await vi.waitUntil(async () => (await get('/v1/deliveries?state=dead')).items.length === 4, 60_000);
  await vi.waitUntil(async () => (await get('/v1/deliveries?tenant=posthorn')).items.length > 0, 60_000);
}, 120_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

test('a filter takes one value, several with commas, and several repeated', async () => {
  expect(await eventsOf('tenant=a')).toEqual(['a,1', 'a2']);
  expect(await eventsOf('tenant=a,b')).toEqual(['a,1', 'a2', 'b,1', 'b2']);
  expect(await eventsOf('tenant=a&tenant=b')).toEqual(['a,1', 'a2', 'b,1', 'b2']);
  expect(await eventsOf('state=suppressed,dead&tenant=b&tenant=c')).toEqual(['b,1', 'b2', 'c,1', 'c2']);
  expect(await eventsOf('state=suppressed')).toEqual(['c,1', 'c2']);
  expect(await eventsOf(`endpoint_id=${ids['a']},${ids['c']}`)).toEqual(['a,1', 'a2', 'c,1', 'c2']);
  expect(await eventsOf('event_type=order.a,order.b')).toEqual(['a2', 'b2']);
  expect(await eventsOf('error_class=connect,timeout&event_type=payment.made')).toEqual(['a,1', 'b,1']);
});

test('the id of an event may hold a comma', async () => {
  expect(await eventsOf('event_id=a,1')).toEqual(['a,1']);
  expect(await eventsOf('event_id=a2,b2')).toEqual([]);
  expect(await eventsOf('event_id=a2&event_id=b2')).toEqual(['a2', 'b2']);
  expect(await eventsOf('event_id=a%2C1&event_id=c2')).toEqual(['a,1', 'c2']);
});

test.each([
  ['/v1/deliveries?state=gone', '/state'],
  ['/v1/deliveries?state=dead,gone', '/state/1'],
  ['/v1/deliveries?state=', '/state'],
  [`/v1/deliveries?tenant=${Array.from({ length: 51 }, (_, n) => `t${n}`).join()}`, '/tenant'],
  ['/v1/deliveries?order=up', '/order'],
  ['/v1/accounting?event_type=a.*,b*', '/event_type/1'],
  ['/v1/alerts?severity=page,loud', '/severity/1'],
  ['/v1/endpoints?tenant=a,', '/tenant/1'],
])('%s is refused with the path of the value', async (path, at) => {
  await expect(get(path)).rejects.toMatchObject({ status: 422, errors: [{ path: at }] });
});

test('the filter of a redrive takes one value or a list, and answers lists', async () => {
  const redrive = (filter: object) =>
    server.client.request<Item>('POST', '/v1/redrives', { filter, dry_run: true });
  expect(await redrive({})).toMatchObject({ matched: 4, filter: { state: ['dead'] } });
  expect(await redrive({ tenant: ['a', 'b'], event_type: 'payment.made' })).toMatchObject({
    matched: 2,
    filter: { tenant: ['a', 'b'], event_type: ['payment.made'] },
  });
  expect(await redrive({ state: ['dead', 'suppressed'] })).toMatchObject({ matched: 6 });
  expect(await redrive({ event_id: 'a,1' })).toMatchObject({ matched: 1 });
  for (const [filter, path] of [
    [{ state: ['dead', 'pending'] }, '/filter/state/1'],
    [{ state: 'pending' }, '/filter/state'],
    [{ tenant: [] }, '/filter/tenant'],
    [{ event_id: Array.from({ length: 1001 }, (_, n) => `${n}`) }, '/filter/event_id'],
    [{ tenant: [['a']] }, '/filter/tenant/0'],
  ] as const)
    await expect(redrive(filter)).rejects.toMatchObject({ status: 422, errors: [{ path }] });
});

test('sums and groups take several values', async () => {
  const accepted = async (query: string) => (await get(`/v1/accounting?${query}`))['accepted'];
  expect(await accepted('')).toBe(6);
  expect(await accepted('tenant=a,c')).toBe(4);
  expect(await accepted(`endpoint_id=${ids['a']}&endpoint_id=${ids['b']}`)).toBe(4);
  expect(await accepted('event_type=payment.*,order.b')).toBe(4);
  const groups = (await get('/v1/accounting?by=tenant&tenant=a,b'))['groups'] as Item[];
  expect(groups.map(({ tenant }) => tenant).toSorted()).toEqual(['a', 'b']);
});

test('accounting says which window it counted, rounded outward', async () => {
  expect((await get('/v1/accounting'))['window']).toEqual({ since: null, until: null, resolution: 'hour' });
  const hour = 3_600_000;
  const now = Math.floor(Date.now() / hour) * hour;
  const iso = (time: number) => new Date(time).toISOString();
  const window = async (since: number, until: number) =>
    (await get(`/v1/accounting?since=${iso(since)}&until=${iso(until)}`))['window'];
  expect(await window(now - hour + 1, now + 1)).toEqual({
    since: iso(now - hour),
    until: iso(now + hour),
    resolution: 'hour',
  });
  const day = Math.floor(now / hour / 24 - 20) * 24 * hour;
  expect(await window(day + hour, day + 2 * hour)).toEqual({
    since: iso(day),
    until: iso(day + 24 * hour),
    resolution: 'day',
  });
});

test('what Posthorn does itself is left out of lists, sums and groups unless its tenant is asked for', async () => {
  const tenantsOf = async (path: string) => new Set((await get(path)).items.map(({ tenant }) => tenant));
  for (const path of ['/v1/deliveries', '/v1/endpoints', '/v1/conformance']) {
    const all = await tenantsOf(path);
    expect(all).toContain('a');
    expect(all).not.toContain('posthorn');
  }
  expect(await tenantsOf('/v1/deliveries?tenant=posthorn')).toEqual(new Set(['posthorn']));
  expect(await tenantsOf('/v1/endpoints?tenant=posthorn,a')).toEqual(new Set(['posthorn', 'a']));
  const [own] = (await get('/v1/endpoints?tenant=posthorn')).items;
  // Asked for by its id, it is asked for.
  expect(await tenantsOf(`/v1/deliveries?endpoint_id=${String(own!['id'])}`)).toEqual(new Set(['posthorn']));

  const all = await get('/v1/accounting');
  expect(all).toMatchObject({ events: 6, accepted: 6, pending: 0, dead: 4, suppressed: 2 });
  const [mine, theirs] = [
    await get('/v1/accounting?tenant=posthorn'),
    await get('/v1/accounting?tenant=posthorn,a,b,c'),
  ];
  expect(mine['accepted']).toBeGreaterThan(0);
  expect(theirs['accepted']).toBeGreaterThanOrEqual(6 + Number(mine['accepted']));
  for (const by of ['tenant', 'endpoint', 'event_type', 'hour']) {
    const groups = (await get(`/v1/accounting?by=${by}`))['groups'] as { accepted: number }[];
    expect(groups.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(6);
  }
  const letters = (await get('/v1/dead-letters')).items;
  expect(letters.map((group) => group['endpoint_id']).toSorted()).toEqual([ids['a'], ids['b']].toSorted());
});

test('lists have 50 items by default, and take both orders', async () => {
  for (let n = 0; n < 60; n++)
    await server.client.request('POST', '/v1/endpoints', { tenant: 'many', url: 'http://127.0.0.1:1/' });
  await server.client.request('POST', '/v1/events', { tenant: 'many', type: 'x', data: {} });
  for (const path of ['/v1/endpoints?tenant=many', '/v1/deliveries?tenant=many'])
    expect((await get(path)).items).toHaveLength(50);
  const walk = async (path: string): Promise<unknown[]> => {
    const read: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await get(`${path}&limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
      read.push(...page.items.map((item) => item['id'] ?? item['name'] ?? item['endpoint_id']));
      cursor = page.next_cursor;
    }
    return read;
  };
  for (const [path, usual] of [
    ['/v1/endpoints?tenant=many', 'asc'],
    ['/v1/deliveries?tenant=many', 'desc'],
    ['/v1/redrives?', 'desc'],
    ['/v1/templates?', 'asc'],
    ['/v1/conformance?', 'asc'],
    ['/v1/dead-letters?', 'desc'],
  ] as const) {
    const [up, down] = [await walk(`${path}&order=asc`), await walk(`${path}&order=desc`)];
    expect(up.length).toBeGreaterThan(1);
    expect(down).toEqual(up.toReversed());
    expect(await walk(path)).toEqual(usual === 'asc' ? up : down);
  }
});

test('a list of deliveries counts attempts, and a single delivery has both the count and the attempts', async () => {
  const [listed] = (await get('/v1/deliveries?tenant=a')).items;
  expect(listed).toMatchObject({ attempt_count: 1 });
  expect(listed).not.toHaveProperty('attempts');
  expect(await get(`/v1/deliveries/${String(listed!['id'])}`)).toMatchObject({
    attempt_count: 1,
    attempts: [{ n: 1, error_class: 'connect' }],
  });
});

test('the CLI takes several values too, and checks them before anything is sent', async () => {
  const events = async (...args: string[]) => {
    const { code, out, err } = await runHere('deliveries', ...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return (JSON.parse(out) as Page).items.map((item) => item['event_id']).toSorted();
  };
  expect(await events('--tenant', 'a,c', '--state', 'dead,suppressed')).toEqual(['a,1', 'a2', 'c,1', 'c2']);
  expect(await events('--tenant', 'a', '--tenant', 'b', '--event-type', 'payment.made')).toEqual([
    'a,1',
    'b,1',
  ]);
  expect(await events('--event-id', 'a,1', '--event-id', 'b2')).toEqual(['a,1', 'b2']);
  expect((await runHere('deliveries', '--state', 'dead,gone')).code).toBe(2);
  const dry = await runHere('redrive', '--tenant', 'a,b', '--event-id', 'a,1', '--dry-run', '--json');
  expect(JSON.parse(dry.out)).toMatchObject({ matched: 1 });
  expect((await runHere('dead-letters', '--json')).out).not.toContain('posthorn');
});
