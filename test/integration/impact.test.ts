import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, tempDir } from '../support.ts';
import { apiKey, serve } from './serving.ts';

// Before and after a change over HTTP, from the counters of this Posthorn; and the markers that say when.

const hour = 3_600_000;
const day = 24 * hour;
const now = Date.now();
const change = Math.floor((now - 2 * day) / day) * day;
let server: Awaited<ReturnType<typeof serve>>;

/** Accepts events at a time; delivers all but the last `dead`, which are dead letters. */
async function traffic(
  store: Store,
  endpointId: string,
  at: number,
  events: number,
  dead: number,
): Promise<void> {
  const value = { amountMinor: 500n, currency: 'EUR' };
  await store.write.accept([Array.from({ length: events }, () => anEvent({ value }))], {
    now: at,
    node: 'n',
    leaseMs: 0,
    defaultRoom: 0,
    room: new Map(),
  });
  const { deliveries } = await store.write.claim({
    endpointId,
    shards: null,
    limit: events,
    maxPayload: 1e9,
    now: at,
    leaseMs: 1000,
    node: 'n',
  });
  await store.write.settle(
    deliveries.map((delivery, index) =>
      settlementOf(delivery, index < events - dead ? 'delivered' : 'dead', at + 100),
    ),
  );
}

beforeAll(async () => {
  const dataDir = tempDir();
  const store = openHere({ dataDir });
  const endpoint = anEndpoint();
  await store.write.createEndpoint(endpoint);
  await traffic(store, endpoint.id, change - day + hour, 200, 10);
  await traffic(store, endpoint.id, change + hour, 200, 0);
  await store.close();
  server = await serve({ dataDir });
});
afterAll(async () => {
  await server.stop();
});

const get = async (path: string): Promise<{ status: number; body: Record<string, never> }> => {
  const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${apiKey}` } });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
};

test('both sides of a change, as posthorn impact tells them', async () => {
  const { status, body } = await get(`/v1/impact?at=${new Date(change).toISOString()}`);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    before: {
      events: 200,
      given_up: 10,
      given_up_value: [{ currency: 'EUR', amount_minor: 5000, events: 10 }],
    },
    after: { events: 200, given_up: 0, silently_dropped: 0 },
    verdict: 'no_difference_shown',
    markdown: null,
    html: null,
  });
  const windows = ['before', 'after'].map((side) => body[side] as unknown as { from: string; until: string });
  const [before, after] = windows.map(({ from, until }) => Date.parse(until) - Date.parse(from));
  expect(before).toBe(after);
});

test('the same as a document, and as a page that loads nothing', async () => {
  const at = new Date(change).toISOString();
  expect((await get(`/v1/impact?at=${at}&format=markdown`)).body['markdown']).toContain('# Impact:');
  const { html } = (await get(`/v1/impact?at=${at}&format=html`)).body as { html?: string };
  expect(html).toContain('<!doctype html>');
  expect(html).not.toMatch(/<script|https?:\/\/(?!\w+\.example)/);
});

test('what cannot be compared is said, with its field', async () => {
  for (const [query, path] of [
    ['', '/at'],
    ['?at=2020-01-01T00:00:00Z', '/at'],
    ['?at=2026-01-01T00:00:00Z&before_since=2026-01-01T00:00:00Z', '/at'],
    [
      '?before_since=2026-01-02T00:00:00Z&before_until=2026-01-01T00:00:00Z&after_since=2026-01-02T00:00:00Z&after_until=2026-01-03T00:00:00Z',
      '/before_until',
    ],
    [
      '?before_since=2020-01-01T00:00:00Z&before_until=2020-01-02T00:00:00Z&after_since=2020-01-02T00:00:00Z&after_until=2020-01-03T00:00:00Z',
      '/before_since',
    ],
  ]) {
    const { status, body } = await get(`/v1/impact${query}`);
    expect([status, (body as { errors?: { path: string }[] }).errors?.[0]?.path], query).toEqual([422, path]);
  }
});

test('a pipeline puts a marker, and everybody sees it', async () => {
  const made = await server.client.request('POST', '/v1/markers', { label: 'payments 2.14', kind: 'deploy' });
  expect(made).toMatchObject({ label: 'payments 2.14', kind: 'deploy', url: null });
  const { body } = await get('/v1/markers');
  expect((body as unknown as { items: unknown[] }).items).toHaveLength(1);
  for (const bad of [
    { label: '' },
    { label: 'a\nb' },
    { label: 'x', url: 'javascript:alert(1)' },
    { label: 'x', kind: 'other' },
  ]) {
    const response = await fetch(`${server.url}/v1/markers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(bad),
    });
    expect(response.status, JSON.stringify(bad)).toBe(422);
  }
});

test('of one tenant, with what only it has lost', async () => {
  const at = new Date(change).toISOString();
  const { body } = await get(`/v1/impact?at=${at}&tenant=default`);
  expect(body).toMatchObject({ before: { events: 200, given_up: 10 } });
  const absent = await get(`/v1/impact?at=${at}&tenant=absent`);
  expect(absent.status).toBe(422);
  expect((absent.body as { errors?: { path: string }[] }).errors?.[0]?.path).toBe('/tenant');
});

test('now as it was: what was dead then and is delivered since; what is too old or to come is refused', async () => {
  const at = new Date(change).toISOString();
  const then = (await get(`/v1/now/past?at=${at}`)).body as unknown as Record<string, unknown>;
  expect(then).toMatchObject({
    level: 'act',
    sentence: '10 notifications worth €50.00 would not arrive unless someone acted.',
    ledger: { accepted: 200, delivered: 190, pending: 0, dead: 10, cancelled: 0, suppressed: 0 },
    became: [],
    at_risk: { dead: [{ currency: 'EUR', amount_minor: 5000, events: 10 }] },
    needs: [{ kind: 'dead_letters', count: 10 }],
    alerts: [],
  });
  // An hour in which the first had been accepted, and none was tried yet.
  const early = new Date(change - day + hour + 50).toISOString();
  expect((await get(`/v1/now/past?at=${early}&last=1h`)).body).toMatchObject({
    level: 'well',
    ledger: { accepted: 200, pending: 200, dead: 0 },
    became: [
      { then: 'pending', now: 'delivered', count: 190 },
      { then: 'pending', now: 'dead', count: 10 },
    ],
  });
  for (const query of [
    `at=${new Date(now + day).toISOString()}`,
    `at=${new Date(now - 31 * day).toISOString()}`,
    'at=yesterday',
  ])
    expect((await get(`/v1/now/past?${query}`)).status, query).toBe(422);
});

test('Posthorn notes by itself what changes how deliveries go: a pause, a redrive; and who did it', async () => {
  const { items } = (await get('/v1/endpoints')).body as unknown as { items: { id: string; url: string }[] };
  const { id, url } = items[0]!;
  await server.client.request('POST', `/v1/endpoints/${id}/pause`, { reason: 'migration' });
  await server.client.request('POST', `/v1/endpoints/${id}/resume`, {});
  await server.client.request('POST', '/v1/redrives', {
    filter: { endpoint_id: id },
    name: 'after the outage',
  });
  await server.client.request('POST', '/v1/redrives', { filter: { endpoint_id: id }, dry_run: true });
  const automatic = (await get('/v1/markers?automatic=true')).body as unknown as {
    items: { label: string; by: string; subject: { kind: string } }[];
  };
  const { host } = new URL(url);
  expect(automatic.items.map(({ label }) => label).toSorted()).toEqual(
    [`${host} paused: migration`, `${host} resumed`, 'Redrive: after the outage'].toSorted(),
  );
  expect(new Set(automatic.items.map(({ by }) => by)).size).toBe(1);
});
