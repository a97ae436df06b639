import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { defaultRetryPolicy } from '../../packages/posthorn/src/domain/retry-policy.ts';
import { builtInTemplates } from '../../packages/posthorn/src/domain/template.ts';
import { evaluateDeliveries } from '../../packages/posthorn/src/reliability/delivery-evaluation.ts';
import {
  evaluateObjectives,
  readDeclared,
  readStatuses,
} from '../../packages/posthorn/src/reliability/evaluation.ts';
import type { Posthorn } from '../../packages/posthorn/src/posthorn.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { AcceptOptions, Store } from '../../packages/posthorn/src/store/store.ts';
import { sloStatus } from '../../packages/posthorn/src/contract/slo-status.ts';
import { localCall } from '../../packages/posthorn/src/library/local-api.ts';
import { sloStatusService } from '../../packages/posthorn/src/service/slo-status.ts';
import { aClock } from '../manual-clock.ts';
import { settlementOf } from '../settlement.ts';
import { anEndpoint, anEvent, aReceiver, start, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('declared on a running Posthorn', () => {
  let posthorn: Posthorn;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const call = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    // oxlint-disable-next-line no-explicit-any -- answers of many shapes, each matched where it is used
  ): Promise<{ status: number; body: any }> => await requestTo(posthorn, method, path, body);

  beforeAll(async () => {
    receiver = await aReceiver();
    posthorn = await createNode({ database: tempDir(), allowPrivateNetworks: true });
    await posthorn.start();
    await call('PUT', '/v1/teams/payments', {});
    await call('PUT', '/v1/teams/shop', {});
  });
  afterAll(async () => {
    await posthorn.stop();
    await receiver.close();
  });

  test('an endpoint follows its template, overrides what it says itself, and gives the override back', async () => {
    const critical = builtInTemplates.find(({ name }) => name === 'payments-critical')!;
    const url = receiver.url;
    const made = await call('POST', '/v1/endpoints', {
      url,
      template: 'payments-critical',
      timeout_ms: 3000,
    });
    expect(made.body).toMatchObject({
      template: 'payments-critical',
      template_version: 1,
      overrides: ['timeout_ms'],
      timeout_ms: 3000,
      deliver_within_s: critical.deliverWithinMs / 1000,
    });
    const path = `/v1/endpoints/${made.body.id}`;
    expect((await call('PATCH', path, { timeout_ms: null })).body).toMatchObject({
      overrides: [],
      timeout_ms: critical.timeoutMs,
    });
    expect((await call('PATCH', path, { template: null })).body).toMatchObject({
      template: null,
      template_version: null,
      deliver_within_s: 300,
    });
    expect((await call('PATCH', path, { description: 'x' })).body).toMatchObject({ deliver_within_s: 300 });
    expect(await call('PATCH', path, { template: 'nobodys' })).toMatchObject({
      status: 422,
      body: {
        errors: [{ path: '/template', message: 'does not exist: declare the template nobodys first' }],
      },
    });
    await call('DELETE', path);
  });

  test('a changed template changes what is pending, and never when it is due', async () => {
    const template = { retry: { schedule_s: [3600, 3600], jitter: 0 }, deliver_within_s: 60 };
    expect((await call('PUT', '/v1/templates/mine', template)).body).toMatchObject({ version: 1 });
    expect((await call('PUT', '/v1/templates/mine', template)).body).toMatchObject({ version: 1 });
    const failing = await aReceiver((_, response) => {
      response.statusCode = 500;
      response.end();
    });
    const { body: endpoint } = await call('POST', '/v1/endpoints', {
      url: failing.url,
      template: 'mine',
      event_types: ['only.this'],
    });
    await call('POST', '/v1/events', { id: 'one', type: 'only.this', data: {} });
    const delivery = async () =>
      (await call('GET', `/v1/deliveries?endpoint_id=${endpoint.id}`)).body.items[0];
    await until('the first attempt has failed', async () => (await delivery())?.attempt_count === 1);
    const before = await delivery();
    const changed = { ...template, retry: { schedule_s: [0], jitter: 0 } };
    expect((await call('PUT', '/v1/templates/mine', changed)).body).toMatchObject({ version: 2 });
    expect((await call('GET', `/v1/endpoints/${endpoint.id}`)).body).toMatchObject({
      template_version: 2,
      retry: { schedule_s: [0] },
    });
    expect((await delivery()).due_at).toBe(before.due_at);
    // Its next outcome is handled by the new schedule, which ends after two attempts.
    await call('POST', `/v1/deliveries/${before.id}/redrive`);
    await until('it is dead by the new schedule', async () => (await delivery()).state === 'dead');
    expect((await call('DELETE', '/v1/templates/mine')).body).toMatchObject({ code: 'in_use' });
    await call('DELETE', `/v1/endpoints/${endpoint.id}`);
    expect((await call('DELETE', '/v1/templates/mine')).status).toBe(204);
    expect(
      (await call('PUT', '/v1/templates/x', { retry: { schedule_s: [1], exponential: {} } })).status,
    ).toBe(422);
    expect((await call('DELETE', '/v1/templates/standard')).status).toBe(404);
    await failing.close();
  });

  test('event types: the schema refuses with paths, the value is read from the data, the template is the default', async () => {
    const sample = JSON.parse(
      readFileSync('packages/posthorn/data/payment-events.jsonl', 'utf8')
        .split('\n')
        .find((line) => line.includes('"amount"'))!,
    ) as { type: string; data: { object: { amount: number; currency: string } } };
    const document = {
      owner: 'payments',
      template: 'payments-critical',
      schema: {
        type: 'object',
        required: ['object'],
        properties: {
          object: { type: 'object', required: ['amount'], properties: { amount: { type: 'integer' } } },
        },
      },
      value: { amount: '/object/amount', currency: '/object/currency' },
    };
    expect((await call('PUT', `/v1/event-types/${sample.type}`, document)).status).toBe(200);
    const { body: endpoint } = await call('POST', '/v1/endpoints', {
      url: receiver.url,
      event_types: [sample.type],
    });
    expect(endpoint.template).toBe('payments-critical');
    const refused = await call('POST', '/v1/events/batch', {
      events: [
        { type: sample.type, data: sample.data },
        { type: sample.type, data: { object: { amount: 'many' } } },
        { type: 'undeclared', data: 7 },
      ],
    });
    expect(refused).toMatchObject({
      status: 422,
      body: {
        code: 'invalid_data',
        errors: [{ path: '/events/1/data/object/amount', message: 'must be integer' }],
      },
    });
    expect(
      (await call('POST', '/v1/events', { id: 'paid', type: sample.type, data: sample.data })).status,
    ).toBe(202);
    expect((await call('GET', '/v1/events/paid')).body.value).toEqual({
      amount_minor: sample.data.object.amount,
      currency: sample.data.object.currency.toUpperCase(),
    });
    // What the caller says of the value counts.
    const own = { amount_minor: 1, currency: 'JPY' };
    await call('POST', '/v1/events', { id: 'own', type: sample.type, data: sample.data, value: own });
    expect((await call('GET', '/v1/events/own')).body.value).toEqual(own);
    for (const [wrong, path] of [
      [{ owner: 'absent' }, '/owner'],
      [{ template: 'nobodys' }, '/template'],
      [{ schema: { type: 'no such type' } }, '/schema'],
      [{ schema: { $ref: 'https://example.com/x' } }, '/schema'],
    ] as const)
      expect((await call('PUT', '/v1/event-types/x.y', wrong)).body.errors[0].path).toBe(path);
    expect((await call('DELETE', `/v1/event-types/${sample.type}`)).status).toBe(204);
    expect((await call('POST', '/v1/events', { type: sample.type, data: 1 })).status).toBe(202);
    await call('DELETE', `/v1/endpoints/${endpoint.id}`);
  });

  test('objectives name two teams, include what templates say, and conformance names who has none', async () => {
    const document = { target: 0.999, event_types: ['payment.*'], producer: 'payments', consumer: 'shop' };
    expect((await call('PUT', '/v1/slos/payments', document)).body).toMatchObject({
      built_in: false,
      target: 0.999,
    });
    expect(
      (await call('PUT', '/v1/slos/ledger', { ...document, objective: 'accounted', target: 1 })).status,
    ).toBe(200);
    for (const [wrong, path] of [
      [{ ...document, producer: 'absent' }, '/producer'],
      [{ ...document, target: 1 }, '/target'],
      [{ ...document, objective: 'accounted' }, '/target'],
      [{ ...document, endpoint_ids: ['ep_none'] }, '/endpoint_ids/0'],
    ] as const)
      expect((await call('PUT', '/v1/slos/x', wrong)).body.errors[0].path).toBe(path);
    expect((await call('DELETE', '/v1/teams/shop')).body).toMatchObject({ code: 'in_use' });
    const url = receiver.url;
    const { body: bare } = await call('POST', '/v1/endpoints', { url, event_types: ['order.made'] });
    const { body: good } = await call('POST', '/v1/endpoints', {
      url,
      event_types: ['payment.done'],
      template: 'standard',
      owner: 'shop',
    });
    await call('POST', '/v1/events', { type: 'order.made', data: {} });
    const { body: conformance } = await call('GET', '/v1/conformance');
    const of = (id: string) => conformance.items.find((item: { id: string }) => item.id === id)?.missing;
    expect(of(bare.id)).toEqual(['template', 'slo', 'owner']);
    // An owner that is not declared is refused.
    for (const [method, path] of [
      ['POST', '/v1/endpoints'],
      ['PUT', '/v1/endpoints/unowned'],
      ['PATCH', `/v1/endpoints/${bare.id}`],
    ] as const) {
      const { status, body } = await call(method, path, { url, owner: 'absent' });
      expect([status, body.errors]).toMatchObject([422, [{ path: '/owner' }]]);
    }
    expect(of(good.id)).toBeUndefined();
    expect(of('order.made')).toEqual(['declaration', 'template', 'slo', 'owner']);
    const { body: slos } = await call('GET', '/v1/slos');
    expect(slos.items.map(({ name }: { name: string }) => name)).toEqual(['ledger', 'payments', good.id]);
    for (const name of ['ledger', 'payments', good.id])
      expect((await call('GET', `/v1/slos/${name}/status`)).body).toMatchObject({
        name,
        total: expect.any(Number),
        kept: true,
        sides: { sender: { bad: 0 }, receiver: { bad: 0 } },
      });
    expect((await call('GET', '/v1/slos/none/status')).status).toBe(404);
  });
});

describe('how objectives stand', () => {
  const options: AcceptOptions = { now: 0, node: 'a', leaseMs: 30_000, defaultRoom: 1000, room: new Map() };
  const now = start + 10 * day;

  /** `count` deliveries accepted at `at`, each with this fate. */
  async function deliver(
    store: Store,
    at: number,
    fates: readonly ('good' | 'late' | 'dead' | 'recovered' | 'waiting')[],
    type = 'payment.done',
  ): Promise<void> {
    const events = fates.map(() => anEvent({ type, value: { amountMinor: 100n, currency: 'EUR' } }));
    const { claimed } = await store.write.accept([events], { ...options, now: at });
    const settle = async (
      which: (typeof fates)[number],
      ...steps: readonly (readonly ['pending' | 'delivered' | 'dead', number, boolean])[]
    ): Promise<void> => {
      const mine = claimed.filter(({ event }) => fates[event] === which);
      for (const [index, [state, after, late]] of steps.entries()) {
        const deliveries = mine.map((fresh) => ({
          ...fresh,
          claim: index + 1,
          leaseUntil: 0,
          attemptsMade: index,
          createdAt: at,
          trigger: 'schedule' as const,
          eventId: '',
          eventType: type,
          occurredAt: at,
          data: '',
        }));
        await store.write.settle(
          deliveries.map((d) =>
            settlementOf(d, state, at + after, { late, dueAt: state === 'pending' ? at : null }),
          ),
        );
        if (state === 'pending')
          await store.write.claim({
            endpointId: mine[0]?.endpointId ?? '',
            shards: null,
            limit: 1000,
            maxPayload: 1e9,
            now: at + after,
            leaseMs: 1,
            node: 'a',
          });
      }
    };
    await settle('good', ['delivered', 10, false]);
    await settle('late', ['delivered', hour, true]);
    await settle('dead', ['dead', 20, false]);
    await settle('recovered', ['pending', 10, false], ['delivered', 5000, false]);
  }

  async function aStore(): Promise<Store> {
    const store = await openSqliteStore({ dataDir: ':memory:' });
    await store.write.putDocument('slo', 'payments', {
      description: '',
      objective: 'delivered_within',
      target: 0.99,
      window_days: 7,
      event_types: ['payment.*'],
      endpoint_ids: [],
      producer: 'payments',
      consumer: 'shop',
    });
    return store;
  }

  test('good and bad by who is at fault, of what is past its deadline and of the right types', async () => {
    const store = await aStore();
    const endpoint = anEndpoint({ owner: 'shop' });
    await store.write.createEndpoint(endpoint);
    await deliver(store, now - 2 * day, ['good', 'good', 'late', 'dead', 'recovered', 'waiting']);
    await deliver(store, now - 2 * day, ['dead'], 'order.made');
    await deliver(store, now - 8 * day, ['dead', 'dead']);
    // Within its deadline still: neither good nor bad.
    await deliver(store, now - minute, ['good', 'waiting']);
    const { objectives } = await readDeclared(store.read);
    const status = (await readStatuses(store.read, objectives, now)).get('payments')!;
    expect(status).toMatchObject({ due: 6, good: 3, sli: 0.5 });
    // Late at the first attempt and never tried: the sender. Dead: the receiver refused it.
    expect(status.by.sender).toMatchObject({ bad: 2 });
    expect(status.by.receiver).toMatchObject({ bad: 1 });
    expect(status.by.receiver.budgetRemaining).toBeCloseTo(1 - 1 / 6 / 0.01);
    expect(status.worst).toMatchObject([{ endpointId: endpoint.id }]);
    // The numbers at the top of the response always cover both sides.
    const shown = await sloStatusService({ store, clock: { ...aClock(), now: () => now } })['slos.status'](
      { params: { name: 'payments' }, query: undefined, body: undefined },
      localCall,
    );
    const worst = { endpoint_id: endpoint.id, total: 6 };
    expect(sloStatus.parse(shown)).toMatchObject({
      kept: false,
      sli: 0.5,
      good: 3,
      total: 6,
      sides: {
        sender: { team: 'payments', bad: 2, endpoints: [{ ...worst, bad: 2 }] },
        receiver: { team: 'shop', bad: 1, endpoints: [{ ...worst, bad: 1 }] },
      },
    });
    await store.close();
  });

  test('one broken endpoint does not spend the shared budget: its own team is paged, both are notified', async () => {
    const store = await aStore();
    const broken = anEndpoint({ owner: 'shop', eventTypes: ['payment.broken'] });
    await store.write.createEndpoint(broken);
    await store.write.createEndpoint(anEndpoint({ eventTypes: ['payment.done'] }));
    for (let at = 0; at < 7 * 60; at += 5) {
      await deliver(
        store,
        now - at * minute,
        Array.from({ length: 40 }, () => 'good' as const),
      );
      await deliver(
        store,
        now - at * minute,
        Array.from({ length: 10 }, () => 'dead' as const),
        'payment.broken',
      );
    }
    const declared = await readDeclared(store.read);
    const status = (await readStatuses(store.read, declared.objectives, now)).get('payments')!;
    expect(status.by.sender).toMatchObject({ bad: 0, budgetRemaining: 1 });
    expect(status.by.receiver.budgetRemaining).toBeLessThan(0);
    expect(await evaluateObjectives(store.read, declared, now)).toMatchObject([
      {
        rule: 'burn_rate',
        group: 'payments/receiver',
        severity: 'page',
        owner: 'shop',
        alsoNotify: ['payments'],
        evidence: {
          objective: 'payments',
          fault_domain: 'receiver',
          rules: expect.arrayContaining(['burn-1h', 'burn-6h']),
          endpoints: [{ endpoint_id: broken.id, bad: expect.any(Number) }],
          value_at_risk: [{ currency: 'EUR', events: 840 }],
          sample_delivery_ids: expect.arrayContaining([expect.stringMatching(/^dlv_/)]),
        },
      },
    ]);
    // One failure at night does not page.
    const quiet = await aStore();
    await quiet.write.createEndpoint(anEndpoint());
    await deliver(quiet, now - 30 * minute, ['dead']);
    expect(await evaluateObjectives(quiet.read, await readDeclared(quiet.read), now)).toEqual([]);
    await store.close();
    await quiet.close();
  });

  test('an endpoint that is down says so once, and its dead letters stay quiet until it is up again', async () => {
    const store = await aStore();
    const endpoint = anEndpoint({ owner: 'shop', template: 'payments-critical', retry: defaultRetryPolicy });
    await store.write.createEndpoint(endpoint);
    await deliver(store, now - day, ['dead', 'waiting']);
    const evaluate = async () =>
      await evaluateDeliveries(store.read, await readDeclared(store.read), {
        now,
        lived: now,
        deadRetentionMs: 90 * day,
        deadLetters: () => store.read.deadLetters({}),
      });
    // Its template makes a page of every dead letter; what waits and is not taken up is one too.
    expect(await evaluate()).toMatchObject([
      { rule: 'dead_letters', severity: 'page', inhibited: false },
      { rule: 'overdue', severity: 'page', owner: 'shop', evidence: { count: 1, in_flight: 0 } },
    ]);
    await store.write.saveBreakers([
      { endpointId: endpoint.id, url: endpoint.url, open: true, at: now - hour },
    ]);
    expect(await evaluate()).toMatchObject([
      { rule: 'endpoint_down', severity: 'page', owner: 'shop', group: endpoint.id },
      { rule: 'dead_letters', inhibited: true },
    ]);
    // Dead letters that are about to be deleted cause a notification anyway.
    const [, ending] = await evaluateDeliveries(store.read, await readDeclared(store.read), {
      now,
      lived: now,
      deadRetentionMs: day,
      deadLetters: () => store.read.deadLetters({}),
    });
    expect(ending).toMatchObject({ rule: 'dead_letters', severity: 'page', inhibited: false });
    await store.close();
  });
});
