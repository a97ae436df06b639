import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnavailableError } from '../../packages/posthorn/src/domain/errors.ts';
import { Heartbeats } from '../../packages/posthorn/src/engine/heartbeats.ts';
import { OwnedShards } from '../../packages/posthorn/src/engine/owned-shards.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import { aroundCalls } from '../../packages/posthorn/src/store/store-calls.ts';
import type { ClaimRequest, Store } from '../../packages/posthorn/src/store/store.ts';
import { ask, type Postgres, startPostgres } from '../postgres.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, aReceiver, tempDir, until } from '../support.ts';
import { serve } from './serving.ts';

// The ways in which senders lose webhooks, by name (docs/internals/loss-paths.md says where each was seen).

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Place {
  readonly settings: { dataDir: string } | { databaseUrl: string };
  open(): Promise<Store>;
}
const places: Record<string, () => Promise<Place>> = {
  SQLite: async () => {
    const dataDir = tempDir();
    return { settings: { dataDir }, open: () => openSqliteStore({ dataDir }) };
  },
  PostgreSQL: async () => {
    const databaseUrl = await postgres.createDatabase();
    return { settings: { databaseUrl }, open: async () => (await openPostgresStore(databaseUrl)).store };
  },
};
const quick = { timeout_ms: 500, retry: { schedule_s: [1, 1, 1, 1, 1], jitter: 0 } };
interface Accounting {
  readonly delivered: number;
  readonly pending: number;
  readonly dead: number;
  readonly suppressed: number;
}
const counts = (client: Awaited<ReturnType<typeof serve>>['client']) =>
  client.request<Accounting>('GET', '/v1/accounting');

describe.each(Object.keys(places))('on %s', (name) => {
  test('a sender that was away past give_up_after_s begins no attempt: what is too old is a dead letter, with its reason', async () => {
    const place = await places[name]!();
    const receiver = await aReceiver();
    const store = await place.open();
    const endpoint = anEndpoint({ url: receiver.url, ordering: 'key' });
    await store.write.createEndpoint({ ...endpoint, retry: { ...endpoint.retry, giveUpAfterMs: 60_000 } });
    const now = Date.now();
    const old = {
      now: now - 61_000,
      node: 'gone',
      leaseMs: 100,
      room: new Map<string, number>(),
      defaultRoom: 0,
    };
    await store.write.accept([[anEvent({ id: 'old', orderingKey: 'k' })]], old);
    await store.write.accept([[anEvent({ id: 'next', orderingKey: 'k' })]], { ...old, now });
    await store.close();
    const { client, stop } = await serve(place.settings);
    const ids = () => receiver.requests.map(({ headers }) => headers['webhook-id']);
    await until('the next of its key has arrived', () => receiver.requests.length > 0);
    expect(ids()).toEqual(['next']);
    const { items } = await client.request<{ items: { id: string }[] }>('GET', '/v1/deliveries?state=dead');
    expect(items).toMatchObject([{ event_id: 'old', reason: 'too_old', attempt_count: 0, last_error: null }]);
    // An operator has it sent all the same.
    await client.request('POST', `/v1/deliveries/${items[0]!.id}/redrive`);
    await until('it has arrived', () => receiver.requests.length === 2);
    expect(ids()).toEqual(['next', 'old']);
    await until('both are delivered', async () => (await counts(client)).delivered === 2);
    await stop();
    await receiver.close();
  });

  test('crash between commit and enqueue', async () => {
    const place = await places[name]!();
    const receiver = await aReceiver();
    const store = await place.open();
    await store.write.createEndpoint(anEndpoint({ url: receiver.url, timeoutMs: 100 }));
    const now = Date.now();
    // Committed, and the process is gone before anything else happens: once claimed at once, once not.
    const options = { now, node: 'gone', leaseMs: 100, room: new Map<string, number>() };
    await store.write.accept([[anEvent({ id: 'claimed' })]], { ...options, defaultRoom: 1 });
    await store.write.accept([[anEvent({ id: 'waiting' })]], { ...options, defaultRoom: 0 });
    await store.close();
    const { stop } = await serve(place.settings);
    await until('both have arrived', () => receiver.requests.length === 2);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id']).toSorted()).toEqual([
      'claimed',
      'waiting',
    ]);
    await stop();
    await receiver.close();
  });

  test('a state written before the send that a retry takes for done; scheduled retries in a memory store', async () => {
    const place = await places[name]!();
    const receiver = await aReceiver();
    const store = await place.open();
    const endpoint = anEndpoint({ url: receiver.url, timeoutMs: 100 });
    await store.write.createEndpoint(endpoint);
    const now = Date.now();
    await store.write.accept([[anEvent({ id: 'begun' }), anEvent({ id: 'retried' })]], {
      now,
      node: 'gone',
      leaseMs: 100,
      defaultRoom: 0,
      room: new Map(),
    });
    const { deliveries } = await store.write.claim({
      endpointId: endpoint.id,
      shards: null,
      limit: 10,
      maxPayload: 1e6,
      now,
      leaseMs: 100,
      node: 'gone',
    });
    // The process is gone: it has begun an attempt of one, and settled a failed one of the other.
    const failed = deliveries.find(({ eventId }) => eventId === 'retried')!;
    await store.write.settle([settlementOf(failed, 'pending', now, { dueAt: now + 200 })]);
    await store.close();
    const { client, stop } = await serve(place.settings);
    await until('both are delivered', async () => (await counts(client)).delivered === 2);
    const { items } = await client.request<{ items: { event_id: string; attempt_count: number }[] }>(
      'GET',
      '/v1/deliveries',
    );
    const attempts = items.map((one) => [one.event_id, one.attempt_count]);
    expect(Object.fromEntries(attempts)).toEqual({ begun: 1, retried: 2 });
    await stop();
    await receiver.close();
  });

  test('swallowed enqueue error: a store that fails while deliveries are claimed and settled', async () => {
    const place = await places[name]!();
    const store = await place.open();
    let failing = 6;
    const shaky = aroundCalls(store, (method, perform, args) =>
      (method === 'claim' || method === 'settle') && failing-- > 0
        ? Promise.reject(new UnavailableError('not now'))
        : perform(...args),
    );
    const receiver = await aReceiver();
    const { client, stop } = await serve(place.settings, shaky);
    await client.request('POST', '/v1/endpoints', { url: receiver.url, ordering: 'key' });
    for (let n = 0; n < 5; n++)
      await client.request('POST', '/v1/events', { type: 'a.b', data: n, ordering_key: `k${n}` });
    await until('all are settled', async () => (await counts(client)).delivered === 5);
    expect(failing).toBeLessThan(0);
    await stop();
    await receiver.close();
  });

  test('manual resend that stops the automatic retry', async () => {
    const { settings } = await places[name]!();
    let answering = false;
    const receiver = await aReceiver((_, response) => response.writeHead(answering ? 200 : 500).end());
    const { client, stop } = await serve(settings);
    await client.request('POST', '/v1/endpoints', { url: receiver.url, ...quick });
    await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
    await until('it has failed', () => receiver.requests.length === 1);
    const [delivery] = (await client.request<{ items: { id: string }[] }>('GET', '/v1/deliveries')).items;
    await client.request('POST', `/v1/deliveries/${delivery!.id}/redrive`);
    await until('the resend has failed too', () => receiver.requests.length === 2);
    answering = true;
    await until('the schedule went on by itself', async () => (await counts(client)).delivered === 1);
    await stop();
    await receiver.close();
  });

  test('disabled endpoint that eats events', async () => {
    const { settings } = await places[name]!();
    const receiver = await aReceiver();
    const { client, stop } = await serve(settings);
    const { id } = await client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
      enabled: false,
    });
    await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
    expect(await counts(client)).toMatchObject({ suppressed: 1 });
    await client.request('POST', `/v1/endpoints/${id}/resume`);
    await client.request('POST', '/v1/redrives', { filter: { endpoint_id: id, state: 'suppressed' } });
    await until('it has arrived after all', () => receiver.requests.length === 1);
    await stop();
    await receiver.close();
  });

  test('endpoint disabled in the middle of its retries', async () => {
    const { settings } = await places[name]!();
    let answering = false;
    const receiver = await aReceiver((_, response) => response.writeHead(answering ? 200 : 500).end());
    const { client, stop } = await serve(settings);
    const { id } = await client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
      ...quick,
    });
    await client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
    await until('it has failed', () => receiver.requests.length === 1);
    await client.request('POST', `/v1/endpoints/${id}/pause`);
    expect(await counts(client)).toMatchObject({ pending: 1 });
    answering = true;
    await client.request('POST', `/v1/endpoints/${id}/resume`);
    await until('its retry was kept', async () => (await counts(client)).delivered === 1);
    await stop();
    await receiver.close();
  });

  test("receipt refused on the client's retry", async () => {
    const { settings } = await places[name]!();
    const receiver = await aReceiver();
    const { client, stop } = await serve(settings);
    await client.request('POST', '/v1/endpoints', { url: receiver.url });
    const event = { id: 'once', type: 'a.b', data: 1 };
    const first = await client.request<object>('POST', '/v1/events', event);
    expect(await client.request('POST', '/v1/events', event)).toEqual({ ...first, duplicate: true });
    await until('it has arrived', async () => (await counts(client)).delivered === 1);
    expect(receiver.requests).toHaveLength(1);
    await stop();
    await receiver.close();
  });

  test('recovery job that dies with its process', async () => {
    const { settings } = await places[name]!();
    let isDown = true;
    const receiver = await aReceiver((_, response) => response.writeHead(isDown ? 500 : 200).end());
    let server = await serve(settings);
    await server.client.request('POST', '/v1/endpoints', { url: receiver.url, retry: { schedule_s: [] } });
    const count = 30;
    await server.client.request('POST', '/v1/events/batch', {
      events: Array.from({ length: count }, (_, n) => ({ type: 'a.b', data: n })),
    });
    await until('all are dead', async () => (await counts(server.client)).dead === count);
    // A redrive whose first 20 all fail again stops by itself.
    isDown = false;
    const { id } = await server.client.request<{ id: string }>('POST', '/v1/redrives', {
      filter: { state: 'dead' },
      rate_per_s: 30,
    });
    const job = () => server.client.request<{ state: string; redriven: number }>('GET', `/v1/redrives/${id}`);
    await until('it has begun', async () => (await job()).redriven > 2);
    await server.stop();
    server = await serve(settings);
    await until('it went on to its end', async () => (await job()).state === 'done');
    expect(await job()).toMatchObject({ redriven: count });
    await server.stop();
    await receiver.close();
  });

  test('duplicate ids across tenants', async () => {
    const { settings } = await places[name]!();
    const receiver = await aReceiver();
    const { client, stop } = await serve(settings);
    for (const tenant of ['one', 'two']) {
      await client.request('POST', '/v1/endpoints', { tenant, url: receiver.url });
      expect(
        await client.request('POST', '/v1/events', { tenant, id: 'same', type: 'a.b', data: tenant }),
      ).toMatchObject({
        duplicate: false,
      });
    }
    await until('both have arrived', () => receiver.requests.length === 2);
    await stop();
    await receiver.close();
  });

  test('retention that blocks delivery', async () => {
    const place = await places[name]!();
    const store = await place.open();
    const receiver = await aReceiver();
    // What came for a paused endpoint has ended as it came.
    const endpoint = anEndpoint({ url: receiver.url, enabled: false });
    await store.write.createEndpoint(endpoint);
    const old = Date.now() - 40 * 86_400_000;
    const options = { now: old, node: 'local', leaseMs: 0, defaultRoom: 0, room: new Map<string, number>() };
    await store.write.accept([Array.from({ length: 2000 }, () => anEvent())], options);
    await store.write.updateEndpoint(endpoint.id, { enabled: true, updatedAt: old });
    await store.close();
    const { client, stop } = await serve({ ...place.settings, retentionDays: 30 });
    const left = async () =>
      (await client.request<{ items: object[] }>('GET', '/v1/deliveries?state=suppressed&limit=1')).items
        .length;
    let sent = 0;
    // While history goes, every event is delivered as it comes.
    while ((await left()) > 0) {
      await client.request('POST', '/v1/events', { type: 'a.b', data: sent++ });
      await until('it has arrived', () => receiver.requests.length === sent);
    }
    expect(sent).toBeGreaterThan(3);
    await stop();
    await receiver.close();
  });
});

test('locks of four hours: a claim lasts as long as its attempt may take, and half a minute', async () => {
  const dataDir = tempDir();
  const leases = new Set<number>();
  const watched = aroundCalls(await openSqliteStore({ dataDir }), (method, perform, args) => {
    if (method === 'claim') leases.add((args[0] as ClaimRequest).leaseMs);
    return perform(...args);
  });
  const receiver = await aReceiver();
  const { client, stop } = await serve({ dataDir }, watched);
  await client.request('POST', '/v1/endpoints', { url: receiver.url, ordering: 'key', timeout_ms: 500 });
  await client.request('POST', '/v1/events', { type: 'a.b', data: 1, ordering_key: 'k' });
  await client.request('POST', '/v1/events', { type: 'a.b', data: 2, ordering_key: 'k' });
  await until('both are delivered', async () => (await counts(client)).delivered === 2);
  expect([...leases]).toEqual([30_500]);
  await stop();
  await receiver.close();
});

test('a consumer group made only at start: a node goes on after the database has forgotten its sessions', async () => {
  const databaseUrl = await postgres.createDatabase();
  const receiver = await aReceiver();
  const { client, stop } = await serve({ databaseUrl });
  await client.request('POST', '/v1/endpoints', { url: receiver.url });
  await ask(
    databaseUrl,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    `SELECT posthorn.publish('default', 'a.b', '1')`,
  );
  await until('it has arrived', () => receiver.requests.length === 1);
  await stop();
  await receiver.close();
});

test('stale endpoint snapshot on another node', async () => {
  const databaseUrl = await postgres.createDatabase();
  const [a, b] = [await serve({ databaseUrl }), await serve({ databaseUrl })];
  const receiver = await aReceiver();
  await b.client.request('POST', '/v1/events', { type: 'a.b', data: 0 });
  for (let n = 1; n <= 10; n++) {
    await a.client.request('POST', '/v1/endpoints', { url: receiver.url });
    expect(await b.client.request('POST', '/v1/events', { type: 'a.b', data: n })).toMatchObject({
      deliveries: n,
    });
  }
  await a.stop();
  await b.stop();
  await receiver.close();
});

test('monitor that gives up after n errors', async () => {
  let failing = 200;
  let polled = 0;
  let pending: (() => void)[] = [];
  const health: boolean[] = [];
  const heartbeats = new Heartbeats({
    store: {
      heartbeat: async (node) => {
        if (failing < 200 && failing > 0) {
          failing--;
          throw new UnavailableError('away');
        }
        failing--;
        return { now: 0, nodes: [node], dead: [], configVersion: 1 };
      },
      leave: async () => {},
    },
    clock: { now: () => 0, monotonic: () => 0, after: (_, fn) => (pending.push(fn), () => {}) },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    node: 'a',
    hints: null,
    shards: new OwnedShards(),
    health: { report: (_, answers) => void health.push(answers) },
    listener: {
      storeTime: () => {},
      shardsChanged: () => {},
      configChanged: async () => {},
      nodeDied: async () => {},
      pollDue: async () => {
        polled++;
      },
      dueElsewhere: () => {},
    },
  });
  await heartbeats.start();
  expect(polled).toBe(1);
  for (let round = 0; round < 250; round++) {
    const due = pending;
    pending = [];
    for (const fn of due) fn();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(polled).toBe(2);
  // What readyz says of it.
  expect(health.slice(0, 3)).toEqual([true, false, false]);
  expect(health.at(-1)).toBe(true);
  await heartbeats.stop();
});
