import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { serve } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

type Serving = Awaited<ReturnType<typeof serve>>;
interface Endpoint {
  readonly id: string;
  readonly enabled: boolean;
  readonly paused_reason: string | null;
  readonly throttled_until: string | null;
}
interface Delivery {
  readonly id: string;
  readonly event_id: string;
  readonly state: string;
  readonly attempt_count: number;
}

/** Answers 429 for an hour while it is switched on. */
async function aThrottlingReceiver() {
  const state = { throttling: true };
  const receiver = await aReceiver((_, response) =>
    state.throttling
      ? response.writeHead(429, { 'retry-after': '600' }).end()
      : response.writeHead(200).end(),
  );
  return { ...receiver, state };
}

describe.each(['SQLite', 'PostgreSQL'])('what a receiver asked for, on %s', (kind) => {
  const start = async (): Promise<Serving> =>
    await serve(kind === 'SQLite' ? {} : { databaseUrl: await postgres.createDatabase() });
  const read = (server: Serving, id: string): Promise<Endpoint> =>
    server.client.request<Endpoint>('GET', `/v1/endpoints/${id}`);
  const publish = (server: Serving, id: string): Promise<unknown> =>
    server.client.request('POST', '/v1/events', { type: 'a.b', id, data: 1 });
  const deliveries = async (server: Serving): Promise<Delivery[]> =>
    (await server.client.request<{ items: Delivery[] }>('GET', '/v1/deliveries')).items;
  const delivered = async (server: Serving, count: number): Promise<void> =>
    await until(
      `${count} are delivered`,
      async () => (await deliveries(server)).filter(({ state }) => state === 'delivered').length >= count,
    );
  /** An endpoint whose only delivery was answered by Retry-After. */
  const throttled = async (server: Serving, url: string): Promise<string> => {
    const { id } = await server.client.request<Endpoint>('POST', '/v1/endpoints', { url });
    expect(await read(server, id)).toMatchObject({ throttled_until: null });
    await publish(server, 'first');
    await until('its row says so', async () => (await read(server, id)).throttled_until !== null);
    // The attempt's outcome is a transaction of its own: what is done before it is on disk finds the attempt in flight.
    await until('its attempt is settled', async () => (await deliveries(server))[0]!.attempt_count === 1);
    return id;
  };

  test('G8: Retry-After ends with the URL that answered it', async () => {
    const [server, former, next] = [await start(), await aThrottlingReceiver(), await aReceiver()];
    const id = await throttled(server, former.url);
    await publish(server, 'second');
    await server.client.request('PATCH', `/v1/endpoints/${id}`, { url: next.url });
    await delivered(server, 2);
    expect(await read(server, id)).toMatchObject({ throttled_until: null });
    expect([former.requests.length, next.requests.length]).toEqual([1, 2]);
    await server.stop();
    await Promise.all([former.close(), next.close()]);
  });

  test.each<[string, (server: Serving, id: string) => Promise<unknown>]>([
    ['a resume', (server, id) => server.client.request('POST', `/v1/endpoints/${id}/resume`)],
    [
      'a redrive',
      async (server) =>
        server.client.request('POST', `/v1/deliveries/${(await deliveries(server))[0]!.id}/redrive`),
    ],
    ['a test', (server, id) => server.client.request('POST', `/v1/endpoints/${id}/test`)],
    [
      'a pause and a change',
      async (server, id) => {
        await server.client.request('PATCH', `/v1/endpoints/${id}`, { enabled: false });
        await server.client.request('PATCH', `/v1/endpoints/${id}`, { enabled: true });
      },
    ],
  ])('an operator ends it: %s', async (_, act) => {
    const [server, receiver] = [await start(), await aThrottlingReceiver()];
    const id = await throttled(server, receiver.url);
    receiver.state.throttling = false;
    await act(server, id);
    await delivered(server, 1);
    await until('its row says so', async () => (await read(server, id)).throttled_until === null);
    await server.stop();
    await receiver.close();
  });

  test('a 410 of a former URL neither pauses the endpoint nor ends its delivery', async () => {
    const server = await start();
    let answer = (): void => {};
    const former = await aReceiver((_, response) => {
      answer = () => response.writeHead(410).end();
    });
    const next = await aReceiver();
    const { id } = await server.client.request<Endpoint>('POST', '/v1/endpoints', { url: former.url });
    await publish(server, 'first');
    await until('it is in flight', () => former.requests.length === 1);
    await server.client.request('PATCH', `/v1/endpoints/${id}`, { url: next.url });
    answer();
    await delivered(server, 1);
    expect(next.requests).toHaveLength(1);
    expect(await read(server, id)).toMatchObject({ enabled: true, paused_reason: null });
    await server.stop();
    await Promise.all([former.close(), next.close()]);
  });

  test('a pause by 410 ends with the URL that answered it', async () => {
    const server = await start();
    const former = await aReceiver((_, response) => response.writeHead(410).end());
    const next = await aReceiver();
    const { id } = await server.client.request<Endpoint>('POST', '/v1/endpoints', { url: former.url });
    await publish(server, 'first');
    await until('it is paused', async () => !(await read(server, id)).enabled);
    await server.client.request('PATCH', `/v1/endpoints/${id}`, { url: next.url });
    await publish(server, 'second');
    await delivered(server, 1);
    expect(next.requests).toHaveLength(1);
    await server.stop();
    await Promise.all([former.close(), next.close()]);
  });
});

test('a throttle outlives its process, and other nodes obey it', async () => {
  const receiver = await aThrottlingReceiver();
  const dataDir = tempDir();
  const before = await serve({ dataDir });
  const { id } = await before.client.request<Endpoint>('POST', '/v1/endpoints', { url: receiver.url });
  await before.client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
  await until('it was answered', () => receiver.requests.length === 1);
  await before.stop();
  const after = await serve({ dataDir });
  const path = `/v1/endpoints/${id}`;
  expect((await after.client.request<Endpoint>('GET', path)).throttled_until).not.toBeNull();
  await after.client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
  receiver.state.throttling = false;
  await after.client.request('POST', `${path}/resume`);
  // Had the second been sent before, it had been throttled too.
  await until('both are delivered', () => receiver.requests.length === 3);
  await after.stop();

  receiver.state.throttling = true;
  const databaseUrl = await postgres.createDatabase();
  const a = await serve({ databaseUrl, nodeName: 'a' });
  const made = await a.client.request<Endpoint>('POST', '/v1/endpoints', { url: receiver.url });
  const had = receiver.requests.length;
  await a.client.request('POST', '/v1/events', { type: 'a.b', data: 1 });
  await until('it was answered', () => receiver.requests.length === had + 1);
  await until(
    'the row says so',
    async () =>
      (await a.client.request<Endpoint>('GET', `/v1/endpoints/${made.id}`)).throttled_until !== null,
  );
  const b = await serve({ databaseUrl, nodeName: 'b' });
  await a.stop();
  for (let n = 0; n < 5; n++) await b.client.request('POST', '/v1/events', { type: 'a.b', data: n });
  receiver.state.throttling = false;
  expect(receiver.requests).toHaveLength(had + 1);
  await b.client.request('POST', `/v1/endpoints/${made.id}/resume`);
  await until('all are delivered', () => receiver.requests.length === had + 7);
  await b.stop();
  await receiver.close();
});
