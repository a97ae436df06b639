import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import type { Posthorn } from '../../packages/posthorn/src/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode, requestTo } from './library-http.ts';

// What a team sends and receives, and how it goes at the other side.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

describe.each(['SQLite', 'PostgreSQL'])('%s', (kind) => {
  let node: Posthorn;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  const request = (method: string, path: string, body?: unknown) => requestTo(node, method, path, body);
  const overview = async (team: string) =>
    (await request('GET', `/v1/teams/${team}/overview`)).body as Answer<'teams.overview'>;

  beforeAll(async () => {
    receiver = await aReceiver(({ path }, response) => {
      response.statusCode = path === '/ledger' ? 500 : 200;
      response.end();
    });
    const base = new URL(receiver.url).origin;
    node = await createNode({
      database: kind === 'SQLite' ? tempDir() : await postgres.createDatabase(),
      allowPrivateNetworks: true,
    });
    await node.start();
    for (const team of ['payments', 'shop', 'finance'])
      await request('PUT', `/v1/teams/${team}`, { channels: [] });
    await request('PUT', '/v1/event-types/payment.succeeded', { owner: 'payments' });
    await request('PUT', '/v1/slos/checkout', {
      target: 0.99,
      event_types: ['payment.*'],
      producer: 'payments',
      consumer: 'shop',
    });
    const retry = { schedule_s: [], jitter: 0, give_up_after_s: 60 };
    for (const [name, body] of Object.entries({
      orders: { url: `${base}/orders`, owner: 'shop', event_types: ['payment.*'] },
      ledger: { url: `${base}/ledger`, owner: 'finance', event_types: ['payment.*', 'refund.*'], retry },
      other: { url: `${base}/other`, owner: 'finance', event_types: ['user.created'] },
    }))
      await request('PUT', `/v1/endpoints/${name}`, body);
    for (const [id, type] of [
      ['p1', 'payment.succeeded'],
      ['p2', 'payment.succeeded'],
      ['r1', 'refund.updated'],
    ])
      await request('POST', '/v1/events', {
        id,
        type,
        data: {},
        value: { amount_minor: 500, currency: 'EUR' },
      });
    await until('everything has ended', async () => {
      const { body } = await request('GET', '/v1/accounting');
      const { pending, dead } = body as Answer<'accounting.get'>;
      return pending === 0 && dead === 3;
    });
  });
  afterAll(async () => {
    await node.stop();
    await receiver.close();
  });

  test('who sends sees its types at every endpoint that gets them, with what is at risk there', async () => {
    const found = await overview('payments');
    expect(found).toMatchObject({
      level: 'act',
      sends: [{ event_type: 'payment.succeeded', endpoints: 2 }],
      receives: [],
      objectives: [{ name: 'checkout', side: 'sender', other: 'shop' }],
      complete: true,
    });
    expect(found.others.map(({ name }) => name).toSorted()).toEqual(['ledger', 'orders']);
    const ledger = found.others.find(({ name }) => name === 'ledger')!;
    const [cell, ...rest] = found.matrix.filter(({ endpoint_id: id }) => id === ledger.endpoint_id);
    // The refund there is not this team's.
    expect(rest).toEqual([]);
    expect(cell).toMatchObject({
      event_type: 'payment.succeeded',
      dead: 2,
      at_risk: [{ currency: 'EUR', amount_minor: 1000, events: 2 }],
    });
    expect(found.sentence).toContain('2 deliveries will not arrive unless someone acts');
  });

  test('who receives sees every type at its endpoints, its objectives and what it lacks', async () => {
    const finance = await overview('finance');
    expect(finance.receives.map(({ name }) => name).toSorted()).toEqual(['ledger', 'other']);
    expect(finance.others).toEqual([]);
    expect(finance.matrix.map(({ event_type: type, dead }) => [type, dead])).toEqual([
      ['payment.succeeded', 2],
      ['refund.updated', 1],
    ]);
    expect(finance.conformance).toMatchObject({ total: 2, conforming: 0 });
    expect((await overview('shop')).objectives).toMatchObject([{ side: 'receiver', other: 'payments' }]);
  });

  test('a team that is not declared is not found', async () => {
    expect((await request('GET', '/v1/teams/absent/overview')).status).toBe(404);
  });
});
