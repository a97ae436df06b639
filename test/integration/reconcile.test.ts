import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ApiError,
  type Client,
  createClient,
  type ReconciliationLine,
} from '../../packages/client/src/index.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createNode } from './library-http.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

// What was delivered beside what a receiver says that it has.

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const window = { since: '2020-01-01T00:00:00Z', until: '2100-01-01T00:00:00Z' };

describe.each([
  ['SQLite', async () => await openSqliteStore({ dataDir: tempDir(), thread: true })],
  ['PostgreSQL', async () => (await openPostgresStore(await postgres.createDatabase())).store],
])('%s', (_, open: () => Promise<Store>) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let client: Client;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let endpointId: string;
  const ids: string[] = [];
  beforeAll(async () => {
    receiver = await aReceiver((request, response) => {
      response.statusCode = request.body.includes('"fails":true') ? 500 : 200;
      response.end();
    });
    server = await serve({}, await open());
    client = createClient(server.url, apiKey);
    ({ id: endpointId } = await client.endpoints.create({
      name: 'orders',
      url: receiver.url,
      eventTypes: ['order.paid'],
      retry: { scheduleS: [] },
    }));
    const events = Array.from({ length: 40 }, (__, n) => ({
      id: `order-${n}`,
      type: 'order.paid',
      data: { n, fails: n >= 36 },
      value: { amountMinor: 1000 + n, currency: n % 2 === 0 ? 'EUR' : 'JPY' },
    }));
    ids.push(...events.map(({ id }) => id));
    await client.events.publishBatch({ events });
    await client.events.publish({ id: 'elsewhere', type: 'order.shipped', data: {} });
    await until(
      'all have ended',
      async () => (await client.deliveries.list({ state: 'pending' })).items.length === 0,
    );
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  const has = (n: number): boolean => n < 36 && n % 10 !== 3;
  const received = (): string[] => [
    ...ids.filter((__, n) => has(n)),
    'order-1',
    'elsewhere',
    'never-sent',
    'never-sent',
  ];
  const totals = {
    sent: 40,
    delivered: 36,
    received: 34,
    matched: 32,
    outside: 0,
    missingCount: 8,
    missingByState: { pending: 0, delivered: 4, dead: 4, cancelled: 0, suppressed: 0 },
    unexpectedCount: 2,
  };
  const missingIds = [
    'order-3',
    'order-13',
    'order-23',
    'order-33',
    'order-36',
    'order-37',
    'order-38',
    'order-39',
  ];

  test('JSON: what is missing with its state and worth, and what was never sent', async () => {
    const answer = await client.reconcile.run({ endpointId: 'orders', ...window, receivedIds: received() });
    expect(answer).toMatchObject({ ...totals, nextCursor: null });
    expect(answer.missing.map(({ eventId }) => eventId).toSorted()).toEqual(missingIds.toSorted());
    expect(answer.missing.find(({ eventId }) => eventId === 'order-36')).toEqual({
      eventId: 'order-36',
      deliveryId: expect.stringMatching(/^dlv_/),
      state: 'dead',
      settledAt: expect.any(String),
      value: { currency: 'EUR', amountMinor: 1036 },
    });
    expect(answer.unexpected).toEqual(['elsewhere', 'never-sent']);
    const worth = Object.fromEntries(answer.missingValue.map(({ currency, ...sum }) => [currency, sum]));
    expect(worth).toEqual({
      EUR: { amountMinor: 1036 + 1038, events: 2 },
      JPY: { amountMinor: 1003 + 1013 + 1023 + 1033 + 1037 + 1039, events: 6 },
    });
  });

  test('JSON: the same ids with the cursor, until nothing is left', async () => {
    const missing: string[] = [];
    const unexpected: string[] = [];
    let cursor: string | undefined;
    let calls = 0;
    do {
      const page = await client.reconcile.run({
        endpointId,
        ...window,
        receivedIds: received(),
        limit: 3,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(page).toMatchObject(totals);
      expect(page.missing.length).toBeLessThanOrEqual(3);
      missing.push(...page.missing.map(({ eventId }) => eventId));
      unexpected.push(...page.unexpected);
      cursor = page.nextCursor ?? undefined;
      calls++;
    } while (cursor !== undefined);
    expect(missing.toSorted()).toEqual(missingIds.toSorted());
    expect(unexpected).toEqual(['elsewhere', 'never-sent']);
    expect(calls).toBe(3);
  });

  const linesOf = async (
    lines: AsyncIterable<ReconciliationLine>,
  ): Promise<readonly ReconciliationLine[]> => {
    const found: ReconciliationLine[] = [];
    for await (const line of lines) found.push(line);
    return found;
  };

  test('lines both ways, through the client: ids, and objects that have one', async () => {
    async function* lines(): AsyncGenerator<string | { id: string } | { eventId: string }> {
      for (const [n, id] of received().entries())
        yield n % 3 === 0 ? id : n % 3 === 1 ? { id } : { eventId: id };
    }
    const found = await linesOf(client.reconcile.runLines(lines(), { endpointId: 'orders', ...window }));
    expect(found.slice(0, 2)).toEqual([{ unexpected: 'elsewhere' }, { unexpected: 'never-sent' }]);
    expect(found.flatMap((line) => ('missing' in line ? [line.missing.eventId] : [])).toSorted()).toEqual(
      missingIds.toSorted(),
    );
    expect(found.at(-1)).toMatchObject({ summary: { ...totals, nextCursor: null } });
    await expect(
      linesOf(client.reconcile.runLines([], { endpointId: 'absent', ...window })),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  const post = async (
    body: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const query = new URLSearchParams({ endpoint_id: endpointId, ...window }).toString();
    const response = await fetch(`${server.url}/v1/reconcile?${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/x-ndjson', ...headers },
      body,
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  test('lines in, and JSON out for clients that accept it; blank lines and Windows line ends are not ids', async () => {
    const { status, body } = await post(
      `\r\n${received()
        .map((id) => JSON.stringify(id))
        .join('\r\n')}`,
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ sent: 40, delivered: 36, missing_count: 8, next_cursor: null });
  });

  test.each([
    ['not JSON', '"order-1"\norder-2\n', 400, 'invalid_json'],
    ['a number', '"order-1"\n7\n', 422, 'invalid_request'],
    ['an object without an id', '{"order":1}\n', 422, 'invalid_request'],
    ['an id with a control character', '"a\\u0007"\n', 422, 'invalid_request'],
    ['a line that does not end', `"${'x'.repeat(20_000)}`, 413, 'too_large'],
    ['an endless nesting', `${'['.repeat(100)}\n`, 400, 'too_deep'],
  ])('%s is refused', async (__, body, status, code) => {
    expect(await post(body)).toMatchObject({ status, body: { code } });
  });

  test('a window without an end, and one that ends before it begins, are refused', async () => {
    const ask = { endpointId, receivedIds: [] };
    await expect(
      client.reconcile.run({ ...ask, since: window.until, until: window.since }),
    ).rejects.toMatchObject({ code: 'invalid_request', errors: [{ path: '/until' }] });
    await expect(client.reconcile.run({ ...ask, ...window, cursor: 'AAAA' })).rejects.toBeInstanceOf(
      ApiError,
    );
  });

  test('ids of deliveries outside the window are neither missing nor unexpected', async () => {
    const answer = await client.reconcile.run({
      endpointId,
      since: window.since,
      until: '2021-01-01T00:00:00Z',
      receivedIds: received(),
    });
    expect(answer).toMatchObject({ sent: 0, outside: 32, received: 34, missingCount: 0, unexpectedCount: 2 });
  });

  test('100,000 ids are read as they come, and another comparison of the same caller waits its turn', async () => {
    const impatient = createClient(server.url, apiKey, { maxTries: 1 });
    const gate = Promise.withResolvers<void>();
    async function* lines(): AsyncGenerator<string> {
      for (let n = 0; n < 100_000; n++) yield `strange-${n}`;
      await gate.promise;
      yield* ids;
    }
    const reading = linesOf(client.reconcile.runLines(lines(), { endpointId, ...window, limit: 10 }));
    await until('the second is refused', async () => {
      const outcome = await impatient.reconcile
        .run({ endpointId, ...window, receivedIds: [] })
        .catch((error: unknown) => error);
      return outcome instanceof ApiError && outcome.code === 'busy';
    });
    gate.resolve();
    const found = await reading;
    expect(found).toHaveLength(11);
    expect(found.at(-1)).toMatchObject({
      summary: {
        received: 100_040,
        matched: 40,
        missingCount: 0,
        unexpectedCount: 100_000,
        nextCursor: expect.any(String),
      },
    });
  });

  // Two jobs of the server: a filter names up to 1,000 events.
  const published = 1600;
  const isLost = (id: string): boolean => {
    const n = Number(id.slice('pay-'.length));
    return n >= 250 && n < 1350;
  };

  test('a receiver that lost what it had answered with 200 finds exactly these by one command, and gets them again with its own key, while traffic goes on', async () => {
    const kept: string[] = [];
    let isDown = true;
    const shop = await aReceiver((request, response) => {
      const id = String(request.headers['webhook-id']);
      // Its process dies after the answer, before it has written these down.
      if (!isDown || !isLost(id)) kept.push(id);
      response.end();
    });
    const { id } = await client.endpoints.create({ name: 'shop', url: shop.url, eventTypes: ['pay.done'] });
    const other = await client.endpoints.create({ name: 'other', url: shop.url, eventTypes: ['x.never'] });
    const { key } = await client.keys.create({
      name: 'shop',
      scopes: ['read', 'operate'],
      tenant: 'default',
      endpointIds: [id],
    });
    const publish = async (from: number, size: number): Promise<void> =>
      void (await client.events.publishBatch({
        events: Array.from({ length: size }, (__, n) => ({
          id: `pay-${from + n}`,
          type: 'pay.done',
          data: {},
          value: { amountMinor: 100, currency: 'EUR' },
        })),
      }));
    for (let n = 0; n < published; n += 400) await publish(n, 400);
    const pending = async (): Promise<number> =>
      (await client.deliveries.list({ endpointId: 'shop', state: 'pending', limit: 1 })).items.length;
    await until('all were answered with 200', async () => (await pending()) === 0);
    expect(kept).toHaveLength(published - 1100);
    isDown = false;
    // By the server's clock: a node of PostgreSQL may be some milliseconds behind this process.
    const [newest] = (await client.deliveries.list({ endpointId: 'shop', limit: 1 })).items;
    const exportedAt = new Date(Date.parse(newest!.createdAt) + 1).toISOString();
    const file = join(tempDir(), 'received.txt');
    writeFileSync(file, kept.join('\n'));
    let isOver = false;
    let later = published;
    const traffic = (async () => {
      for (; !isOver; later += 10) await publish(later, 10);
    })();
    const ask = ['--url', server.url, '--api-key', key];
    const between = [
      '--since',
      window.since,
      '--until',
      exportedAt,
      '--replay',
      '--name',
      'lost in the crash',
    ];
    const before = shop.requests.length;
    const run = await runHere('reconcile', '--endpoint', 'shop', file, ...between, ...ask).finally(() => {
      isOver = true;
    });
    await traffic;
    expect(run.out).toContain('1,600 deliveries to shop in the window = 500 received + 1,100 missing');
    expect(run.out).toContain('Missing, worth 1,100.00 EUR: 1,100 delivered');
    expect(run.code).toBe(0);
    await until('all are delivered', async () => (await pending()) === 0);
    const again = shop.requests
      .slice(before)
      .map(({ headers }) => String(headers['webhook-id']))
      .filter((one) => Number(one.slice('pay-'.length)) < published);
    expect(again).toHaveLength(1100);
    expect(new Set(again).size).toBe(1100);
    expect(again.every(isLost)).toBe(true);
    expect(new Set(kept).size).toBe(later);
    const jobs = (await client.replays.list({ endpointId: id })).items;
    expect(jobs.map(({ name, state, replayed, by }) => ({ name, state, replayed, by: by?.name }))).toEqual([
      { name: 'lost in the crash (2 of 2)', state: 'done', replayed: 100, by: 'shop' },
      { name: 'lost in the crash (1 of 2)', state: 'done', replayed: 1000, by: 'shop' },
    ]);
    // Its key does nothing to another endpoint.
    expect(await runHere('reconcile', other.id, file, ...between, ...ask)).toMatchObject({
      code: 1,
      out: '',
    });
    expect(await runHere('reconcile', 'shop', file, '--since', '1h', '--name', 'x', ...ask)).toMatchObject({
      code: 2,
    });
    await shop.close();
  });
});

test('an application compares without HTTP', async () => {
  const node = await createNode({ database: tempDir() });
  const { id } = await node.endpoints.create({ url: 'https://example.com/hook' });
  await node.publish([
    { id: 'a', type: 'x.y', data: 1 },
    { id: 'b', type: 'x.y', data: 2 },
  ]);
  const lines: ReconciliationLine[] = [];
  for await (const line of node.reconcile.runLines(['a', { id: 'c' }], { endpointId: id, ...window }))
    lines.push(line);
  expect(lines).toMatchObject([
    { unexpected: 'c' },
    { missing: { eventId: 'b', state: 'pending' } },
    { summary: { sent: 2, received: 2, missingCount: 1 } },
  ]);
  expect(await node.reconcile.run({ endpointId: id, ...window, receivedIds: ['a', 'b'] })).toMatchObject({
    missing: [],
    matched: 2,
  });
  await node.stop();
});
