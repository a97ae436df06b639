import { beginRedrive } from '../../packages/posthorn/src/store/redrives.ts';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alert } from '../../packages/posthorn/src/domain/alert.ts';
import type { Settlement, Store } from '../../packages/posthorn/src/store/store.ts';
import { Evaluator } from '../../packages/posthorn/src/reliability/evaluator.ts';
import type { LedgerCheck } from '../../packages/posthorn/src/reliability/evaluation.ts';
import { compose, open, type Posthorn } from '../../packages/posthorn/src/posthorn.ts';
import { clockStatus } from '../../packages/posthorn/src/domain/clock-record.ts';
import { nodeClock } from '../../packages/posthorn/src/runtime/clock.ts';
import { systemRandom } from '../../packages/posthorn/src/runtime/random.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aRedrive, anEndpoint, anEvent, aReceiver, start, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

/** What is notified if the ledger does not balance. */
const ledgerAlert = 'page unaccounted books';

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const balanced: LedgerCheck = { balanced: true, unaccounted: 0, endpointIds: [], findings: [] };
const unbalanced: LedgerCheck = { balanced: false, unaccounted: 1, endpointIds: ['ep_1'], findings: [] };

/** An evaluator of one node, on a clock that the test moves; evaluates only when asked to. */
function evaluatorOn(store: Store, time: { now: number }): Evaluator {
  return new Evaluator({
    publicUrl: null,
    store,
    clock: nodeClock({ now: () => time.now, monotonic: () => time.now, after: () => () => {} }),
    random: systemRandom,
    logger,
    everyMs: 15_000,
    reconcileEveryMs: 60_000,
    deadRetentionMs: 90 * 86_400_000,
    clockStatus: () => clockStatus(null),
    locked: () => ({ count: 0, endpointIds: [], keyIds: [] }),
    role: { isCoordinator: true },
    wake: () => {},
    onEvaluated: () => {},
  });
}

async function aChannel(store: Store): Promise<string> {
  const endpoint = anEndpoint({ tenant: 'posthorn', body: 'data' });
  await store.write.createEndpoint(endpoint);
  await store.write.putDocument('channel', 'ops', {
    channel: { kind: 'webhook', host: 'receiver.test' },
    fingerprint: 'f',
    endpointId: endpoint.id,
  });
  return endpoint.id;
}

/** Notifications of the channel, oldest first. These tests run without an engine, so the alert about that is left out. */
async function notified(store: Store, channel: string): Promise<string[]> {
  const deliveries = await store.read.deliveries({ endpointIds: [channel] }, { after: null, limit: 1000 });
  const events = await Promise.all(deliveries.map(({ eventId }) => store.read.event('posthorn', eventId)));
  return events
    .map((event) => (JSON.parse(event!.data) as { alert: Alert }).alert)
    .filter(({ rule }) => rule !== 'overdue')
    .map(({ state, severity, rule, group }) => `${state} ${severity} ${rule} ${group}`)
    .toReversed();
}

/** Events to one endpoint that fail at once and for good. */
async function deadLetters(
  store: Store,
  endpointId: string,
  tenant: string,
  count: number,
  now: number,
): Promise<void> {
  for (let left = count; left > 0; left -= 1000) {
    const events = Array.from({ length: Math.min(1000, left) }, () =>
      anEvent({ tenant, value: { amountMinor: 100n, currency: 'USD' } }),
    );
    const { claimed } = await store.write.accept([events], {
      now,
      node: 'n',
      leaseMs: 30_000,
      defaultRoom: 1000,
      room: new Map(),
    });
    await store.write.settle(
      claimed.map(({ number }): Settlement => ({
        number,
        endpointId,
        eventType: events[0]!.type,
        claim: 1,
        createdAt: now,
        state: 'dead',
        dueAt: null,
        reason: 'schedule_exhausted',
        now,
        startedAt: now,
        durationMs: 1,
        statusCode: 500,
        errorClass: 'http_5xx',
        message: 'HTTP 500',
        leaseUntil: 0,
        wire: null,
        responseExcerpt: null,
        trigger: 'schedule',
        node: 'n',
        late: false,
        first: true,
        keyed: false,
      })),
    );
  }
}

describe('a running Posthorn', () => {
  let posthorn: Posthorn;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const dataDir = tempDir();

  beforeAll(async () => {
    receiver = await aReceiver();
    posthorn = await createNode({
      database: dataDir,
      allowPrivateNetworks: true,
      reconcileEveryS: 1,
      evaluateEveryS: 1,
    });
    await posthorn.start();
  });
  afterAll(async () => {
    await posthorn.stop();
    await receiver.close();
  });

  test('teams and channels are declared, checked, and shown without their secrets', async () => {
    const put = (path: string, body: unknown) => requestTo(posthorn, 'PUT', path, body);
    expect(await put('/v1/channels/ops', { kind: 'webhook', url: receiver.url })).toMatchObject({
      status: 200,
      body: { name: 'ops', kind: 'webhook', host: new URL(receiver.url).host },
    });
    const pager = await put('/v1/channels/pager', {
      kind: 'pagerduty',
      routing_key: 'R0UT1NGKEYR0UT1NGKEYR0UT1NGKEY12',
      url: receiver.url,
    });
    expect(pager.status).toBe(200);
    expect(JSON.stringify([pager, await requestTo(posthorn, 'GET', '/v1/channels')])).not.toContain(
      'R0UT1NG',
    );
    expect((await put('/v1/teams/payments', { channels: ['ops', 'absent'] })).body).toMatchObject({
      code: 'invalid_request',
      errors: [{ path: '/channels/1' }],
    });
    expect((await put('/v1/teams/payments', { channels: ['ops'] })).status).toBe(200);
    expect((await requestTo(posthorn, 'DELETE', '/v1/channels/ops')).status).toBe(409);
    expect((await put('/v1/channels/x', { kind: 'pigeon' })).status).toBe(422);
    expect((await put('/v1/channels/Not%20a%20name', { kind: 'webhook', url: receiver.url })).status).toBe(
      422,
    );
    expect((await put('/v1/channels/x', { kind: 'webhook', url: 'ftp://x' })).status).toBe(422);
    expect((await requestTo(posthorn, 'DELETE', '/v1/channels/pager')).status).toBe(204);
    expect((await requestTo(posthorn, 'GET', '/v1/channels/pager')).status).toBe(404);
    // Only Posthorn itself publishes to its own tenant.
    const forged = await requestTo(posthorn, 'POST', '/v1/events', {
      tenant: 'posthorn',
      type: 'posthorn.alert',
      data: {},
    });
    expect(forged.status).toBe(422);
  });

  test('G6: a row deleted behind its back is a page within two reconciliations, and names the event', async () => {
    await requestTo(posthorn, 'POST', '/v1/endpoints', {
      url: 'http://127.0.0.1:1/',
      retry: { schedule_s: [3600] },
    });
    await posthorn.publish({ id: 'victim', type: 'payment.succeeded', data: {} });
    const alerts = async () =>
      (
        (await requestTo(posthorn, 'GET', '/v1/alerts?state=firing')).body as {
          items: { rule: string; id: string }[];
        }
      ).items;
    expect(await alerts()).toEqual([]);
    const behind = new DatabaseSync(join(dataDir, 'posthorn.db'), { timeout: 60_000 });
    behind.exec(
      "DELETE FROM deliveries WHERE event_number = (SELECT number FROM events WHERE id = 'victim')",
    );
    behind.close();
    await until('the alert fires', async () => (await alerts()).length > 0);
    const [alert] = await alerts();
    expect(alert).toMatchObject({
      rule: 'unaccounted',
      severity: 'page',
      state: 'firing',
      evidence: { unaccounted: 1, findings: [expect.objectContaining({ event_id: 'victim' })] },
    });
    // It left by the durable delivery, in the channel's own words.
    await until('the channel is notified', () => receiver.requests.length > 0);
    const request = receiver.requests[0]!;
    expect(JSON.parse(request.body.toString())).toMatchObject({
      type: 'posthorn.alert',
      alert: { rule: 'unaccounted' },
    });
    expect(request.headers['webhook-signature']).toMatch(/^v1,/);
    // The alert says whom it has notified, and when the channel took it. It lacks an owner, so it belongs to none of the teams.
    const notified = async () =>
      (await requestTo(posthorn, 'GET', '/v1/alerts?state=firing')).body as {
        items: { notified: { state: string; delivery_id: string }[] }[];
      };
    await until(
      'it is delivered',
      async () => (await notified()).items[0]?.notified[0]?.state === 'delivered',
    );
    expect((await notified()).items[0]!.notified).toEqual([
      {
        team: null,
        channel: 'ops',
        at: expect.any(String),
        says: 'firing',
        delivery_id: expect.stringMatching(/^dlv_/),
        state: 'delivered',
        delivered_at: expect.any(String),
      },
    ]);
    expect((await requestTo(posthorn, 'POST', `/v1/alerts/${alert!.id}/acknowledge`)).body).toMatchObject({
      acknowledged_at: expect.any(String),
    });
    expect((await requestTo(posthorn, 'POST', '/v1/alerts/alr_none/acknowledge')).status).toBe(404);
    const { body } = await requestTo(posthorn, 'GET', '/v1/alerts?severity=ticket');
    expect(body).toEqual({ items: [], next_cursor: null });
  });
});

test('the external watchdog is pinged after evaluations, about once a minute', async () => {
  const outside = await aReceiver();
  let ticks = 0;
  const options = {
    database: tempDir(),
    allowPrivateNetworks: true,
    evaluateEveryS: 0.05,
    watchdogUrl: outside.url,
    onEvaluated: () => ticks++,
  };
  const posthorn = compose(await open(options), options);
  await posthorn.start();
  await until('rules were evaluated many times', () => ticks > 10);
  await posthorn.stop();
  expect(outside.requests).toHaveLength(1);
  expect(outside.requests[0]).toMatchObject({
    body: Buffer.alloc(0),
    headers: { 'user-agent': expect.stringMatching(/^Posthorn\//) },
  });
  await outside.close();
});

test('a fan-out that does not move pages, and resolves when it goes on', async () => {
  const store = openHere({ dataDir: ':memory:' });
  const channel = await aChannel(store);
  const time = { now: start };
  const evaluator = evaluatorOn(store, time);
  await store.write.createEndpoint(anEndpoint());
  const options = { now: start, node: 'n', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };
  await store.write.accept([[anEvent(), anEvent()]], { ...options, maxDirect: 0 });
  const at = async (seconds: number): Promise<void> => {
    time.now = start + seconds * 1000;
    await evaluator.evaluate();
  };
  await at(60);
  await at(301);
  expect(await notified(store, channel)).toEqual([]);
  await at(340);
  expect(await notified(store, channel)).toEqual(['firing page fan_out_stuck fan-outs']);
  const { tenant } = await store.write.stepFanOut({ ...options, now: time.now, limit: 9, after: null });
  expect(tenant).toBe('default');
  for (const seconds of [360, 700, 1400]) await at(seconds);
  expect(await notified(store, channel)).toContain('resolved page fan_out_stuck fan-outs');
  evaluator.stop();
  await store.close();
});

test('100,000 dead letters of three hosts in ten minutes are three notifications, whatever number of endpoints they have; a fourth host is one more', async () => {
  const store = openHere({ dataDir: ':memory:' });
  const time = { now: start };
  const evaluator = evaluatorOn(store, time);
  evaluator.reconciled(balanced);
  const channel = await aChannel(store);
  const endpoints = ['a', 'b', 'c', 'c2', 'd'].map((tenant) =>
    anEndpoint({ tenant, id: `ep_${tenant}`, url: `https://${tenant[0]}.test/${tenant}` }),
  );
  for (const endpoint of endpoints) await store.write.createEndpoint(endpoint);
  for (let minute = 0; minute < 10; minute++) {
    for (const { id, tenant } of endpoints.slice(0, 4)) await deadLetters(store, id, tenant, 2500, time.now);
    for (let quarter = 0; quarter < 4; quarter++) {
      await evaluator.evaluate();
      time.now += 15_000;
    }
    evaluator.reconciled(balanced);
  }
  await evaluator.evaluate();
  const three = (await notified(store, channel)).toSorted();
  expect(three).toEqual([
    'firing page dead_letters c.test',
    'firing page dead_letters ep_a/http_5xx',
    'firing page dead_letters ep_b/http_5xx',
  ]);
  await deadLetters(store, 'ep_d', 'd', 1, time.now);
  for (let quarter = 0; quarter < 4; quarter++) {
    await evaluator.evaluate();
    time.now += 15_000;
  }
  expect((await notified(store, channel)).at(-1)).toBe('firing ticket dead_letters ep_d/http_5xx');
  expect(await notified(store, channel)).toHaveLength(4);
  // Redriven, all of them: each host is over, and said to be.
  let { state } = await beginRedrive(store, {
    id: 'r',
    ...aRedrive,
    filter: {},
    ratePerS: null,
    dryRun: false,
    now: time.now,
  });
  while (state === 'running') {
    ({ state } = (await store.write.stepRedrive('r', 5000, time.now)).redrive);
    // It waits for a time for the outcomes of its first deliveries, which are not attempted here.
    time.now += 1000;
  }
  evaluator.reconciled(balanced);
  await evaluator.evaluate();
  expect((await notified(store, channel)).slice(4).every((line) => line.startsWith('resolved'))).toBe(true);
  expect(await notified(store, channel)).toHaveLength(8);
  evaluator.stop();
  await store.close();
});

describe('two nodes on one PostgreSQL', () => {
  let postgres: Postgres;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
  });
  afterAll(() => postgres.stop());

  test('the evaluating node dies while an alert fires: another takes over, without a duplicate notification', async () => {
    const [{ store: first }, { store: second }] = [
      await openPostgresStore(url),
      await openPostgresStore(url),
    ];
    const time = { now: start };
    const channel = await aChannel(first);
    const a = evaluatorOn(first, time);
    a.reconciled(unbalanced);
    await a.evaluate();
    a.reconciled(unbalanced);
    await a.evaluate();
    expect(await notified(second, channel)).toEqual([`firing ${ledgerAlert}`]);
    // A has stopped. B has not checked the ledger yet, and leaves the alert as it is.
    a.stop();
    const b = evaluatorOn(second, time);
    for (let round = 0; round < 5; round++) {
      time.now += 15_000;
      await b.evaluate();
    }
    expect((await second.read.alerts()).alerts).toMatchObject([{ state: 'firing' }]);
    // B finds them wrong too: it goes on, at once and in silence. Then they are right again.
    b.reconciled(unbalanced);
    await b.evaluate();
    expect((await second.read.alerts()).alerts).toMatchObject([{ state: 'firing' }]);
    b.reconciled(balanced);
    await b.evaluate();
    expect(await notified(second, channel)).toEqual([`firing ${ledgerAlert}`, `resolved ${ledgerAlert}`]);
    b.stop();
    await first.close();
    await second.close();
  });

  test('two nodes that both believe it is theirs: one notification', async () => {
    const nodes = [(await openPostgresStore(url)).store, (await openPostgresStore(url)).store];
    const time = { now: start + 86_400_000 };
    const endpoint = anEndpoint({ tenant: 'shop', id: 'ep_shop' });
    await nodes[0]!.write.createEndpoint(endpoint);
    await deadLetters(nodes[0]!, 'ep_shop', 'shop', 5, time.now);
    const evaluators = nodes.map((store) => evaluatorOn(store, time));
    const [channel] = await nodes[0]!.read.documents('channel');
    const { endpointId } = channel!.document;
    const before = (await notified(nodes[0]!, endpointId)).length;
    for (let round = 0; round < 6; round++) {
      for (const evaluator of evaluators) evaluator.reconciled(balanced);
      await Promise.all(evaluators.map((evaluator) => evaluator.evaluate()));
      time.now += 15_000;
    }
    expect((await notified(nodes[0]!, endpointId)).slice(before)).toEqual([
      'firing ticket dead_letters ep_shop/http_5xx',
    ]);
    for (const evaluator of evaluators) evaluator.stop();
    for (const store of nodes) await store.close();
  });
});
