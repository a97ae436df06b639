import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, until } from '../support.ts';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Delivery {
  readonly id: string;
  readonly event_id: string;
  readonly state: string;
  readonly blocked_by: string | null;
}
interface List<T> {
  readonly items: readonly T[];
}

describe.each(['SQLite', 'PostgreSQL'])('an ordering key behind a dead letter, on %s', (kind) => {
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  /** Events that the receiver refuses. */
  const refused = new Set<string>();
  beforeEach(async () => {
    refused.clear();
    server = await serve(kind === 'SQLite' ? {} : { databaseUrl: await postgres.createDatabase() });
    receiver = await aReceiver(({ headers }, response) =>
      response.writeHead(refused.has(String(headers['webhook-id'])) ? 400 : 200).end(),
    );
  });
  afterEach(async () => {
    await server.stop();
    await receiver.close();
  });

  const request = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    server.client.request<T>(method, path, body);
  const deliveries = async (query = ''): Promise<readonly Delivery[]> =>
    (await request<List<Delivery>>('GET', `/v1/deliveries?order=asc${query}`)).items;
  const publish = (...ids: readonly string[]): Promise<unknown> =>
    request('POST', '/v1/events/batch', {
      events: ids.map((id) => ({ type: 'a', id, data: 1, ordering_key: id.split('-')[0] })),
    });
  const state = async (id: string): Promise<string> =>
    (await deliveries(`&event_id=${id}`)).map((one) => one.state).join();
  const arrived = (): string[] =>
    receiver.requests.map(({ headers }) => String(headers['webhook-id'])).filter((id) => !refused.has(id));
  const anEndpoint = (fields: object): Promise<{ id: string }> =>
    request('POST', '/v1/endpoints', {
      url: receiver.url,
      name: 'orders',
      retry: { schedule_s: [] },
      ...fields,
    });
  /** An endpoint with a key that is blocked, two deliveries behind it, and another key that goes on. */
  const blocked = async (): Promise<{ endpoint: string; dead: string }> => {
    refused.add('k-1');
    const { id: endpoint } = await anEndpoint({ ordering: 'key', on_dead: 'block' });
    await publish('k-1', 'k-2', 'k-3', 'free-1', 'free-2');
    await until('what is free arrives', async () => (await state('free-2')) === 'delivered');
    await until('the first is dead', async () => (await state('k-1')) === 'dead');
    const [{ id: dead }] = (await deliveries('&event_id=k-1')) as [Delivery];
    return { endpoint, dead };
  };

  test('is shown, goes on after a redrive that delivers, in order, and loses nothing', async () => {
    const { endpoint, dead } = await blocked();
    const held = await deliveries('&blocked=true');
    expect(held.map(({ event_id, blocked_by }) => [event_id, blocked_by])).toEqual([
      ['k-2', dead],
      ['k-3', dead],
    ]);
    expect(await request('GET', `/v1/deliveries/${held[0]!.id}`)).toMatchObject({ blocked_by: dead });
    expect(await request('GET', '/v1/endpoints/orders')).toMatchObject({ blocked_keys: 1, on_dead: 'block' });
    expect(await request('GET', '/v1/endpoints')).toMatchObject({ items: [{ blocked_keys: 1 }] });
    expect(await request('GET', '/v1/dead-letters')).toMatchObject({ items: [{ blocked_keys: 1 }] });
    expect(await request('GET', '/v1/blocked-keys?endpoint_id=orders')).toMatchObject({
      items: [{ endpoint_id: endpoint, ordering_key: 'k', blocked_by: dead, event_id: 'k-1', waiting: 2 }],
      next_cursor: null,
    });
    const shown = await runHere('deliveries', '--blocked', '--url', server.url, '--api-key', apiKey);
    expect([shown.code, shown.out]).toEqual([
      0,
      expect.stringMatching(new RegExp(`k +${dead} +http_4xx .* 2`)),
    ]);
    refused.clear();
    await request('POST', `/v1/deliveries/${dead}/redrive`);
    await until('the key goes on', async () => (await state('k-3')) === 'delivered');
    expect(arrived().filter((id) => id.startsWith('k'))).toEqual(['k-1', 'k-1', 'k-2', 'k-3']);
    expect(await deliveries('&blocked=true')).toEqual([]);
  });

  test('G5: goes on without the dead letter that an operator cancels', async () => {
    const { dead } = await blocked();
    const { code, out } = await runHere(
      'cancel',
      dead,
      '--reason',
      'booked by hand',
      '--url',
      server.url,
      '--api-key',
      apiKey,
    );
    expect([code, out]).toEqual([0, `${dead} is cancelled\n`]);
    await until('the key goes on', async () => (await state('k-3')) === 'delivered');
    expect(await request('GET', `/v1/deliveries/${dead}`)).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled: booked by hand',
    });
    expect(await request('GET', '/v1/accounting')).toMatchObject({ dead: 0, cancelled: 1, unaccounted: 0 });
    await expect(request('POST', `/v1/deliveries/${dead}/cancel`, { reason: 'again' })).rejects.toMatchObject(
      { status: 409, code: 'wrong_state' },
    );
  });

  test('G5: what waits is given up by a filter, after a count of it and its worth', async () => {
    const { dead } = await blocked();
    const cancel = (...options: readonly string[]) =>
      runHere('cancel', ...options, '--reason', 'off', '--url', server.url, '--api-key', apiKey);
    const waiting = (await deliveries('&state=pending')).length;
    expect(waiting).toBeGreaterThan(0);
    expect(await cancel()).toMatchObject({
      code: 2,
      err: expect.stringContaining('give a delivery, a filter such as --endpoint-id, or --all'),
    });
    expect(await cancel(dead, '--all')).toMatchObject({ code: 2 });
    expect(await cancel('--event-type', 'a', '--dry-run')).toMatchObject({
      code: 0,
      out: `${waiting} pending ${waiting === 1 ? 'delivery' : 'deliveries'} would be cancelled\n`,
    });
    expect(JSON.parse((await cancel('--all', '--dry-run', '--json')).out)).toEqual({
      dry_run: true,
      matched: waiting,
      value: [],
    });
    expect(await cancel('--event-type', 'b')).toMatchObject({ code: 0, err: '0 cancelled\n' });
    expect(await cancel('--event-type', 'a')).toMatchObject({ code: 0, err: `${waiting} cancelled\n` });
    expect(await deliveries('&state=pending')).toEqual([]);
    expect(await request('GET', '/v1/accounting')).toMatchObject({ cancelled: waiting, unaccounted: 0 });
  });

  test.each([
    ['skip', { on_dead: 'skip' }, { ordering: 'key', on_dead: 'skip' }],
    ['no order', { ordering: 'none' }, { ordering: 'none', on_dead: 'skip' }],
  ])('goes on when the endpoint is changed to %s', async (_, change, shown) => {
    await blocked();
    expect(await request('PATCH', '/v1/endpoints/orders', change)).toMatchObject({
      ...shown,
      blocked_keys: 0,
    });
    await until('the key goes on', async () => (await state('k-3')) === 'delivered');
  });

  test('what is due behind a dead letter of before is held from the change to block on', async () => {
    refused.add('k-1');
    await anEndpoint({ ordering: 'key' });
    await publish('k-1', 'k-2');
    await until('the key has gone on', async () => (await state('k-2')) === 'delivered');
    expect(await request('PATCH', '/v1/endpoints/orders', { on_dead: 'block' })).toMatchObject({
      blocked_keys: 1,
    });
    await publish('k-3', 'free-1');
    await until('what is free arrives', async () => (await state('free-1')) === 'delivered');
    expect((await deliveries('&blocked=true')).map(({ event_id }) => event_id)).toEqual(['k-3']);
  });

  test('block needs an order of keys', async () => {
    const refusal = { status: 422, code: 'invalid_request' };
    await expect(anEndpoint({ on_dead: 'block' })).rejects.toMatchObject(refusal);
    await anEndpoint({});
    await expect(request('PATCH', '/v1/endpoints/orders', { on_dead: 'block' })).rejects.toMatchObject(
      refusal,
    );
    expect(
      await request('PATCH', '/v1/endpoints/orders', { ordering: 'key', on_dead: 'block' }),
    ).toMatchObject({ ordering: 'key', on_dead: 'block' });
    expect(
      await request('PUT', '/v1/endpoints/orders', { url: receiver.url, ordering: 'key' }),
    ).toMatchObject({ on_dead: 'skip' });
  });
});
