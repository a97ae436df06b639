import { afterAll, beforeAll, expect, test } from 'vitest';
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
  readonly breaker: { readonly state: string; readonly since: string | null };
}
const read = ({ client }: Serving, id: string): Promise<Endpoint> =>
  client.request<Endpoint>('GET', `/v1/endpoints/${id}`);

/** A receiver that fails while `failing` is set, and counts its open requests. */
async function aBrokenReceiver() {
  const state = { failing: true, open: 0, maxOpen: 0 };
  const receiver = await aReceiver((_, response) => {
    state.maxOpen = Math.max(state.maxOpen, ++state.open);
    setTimeout(() => {
      state.open--;
      response.writeHead(state.failing ? 500 : 200).end();
    }, 20);
  });
  return { ...receiver, state };
}

/** Publishes until the breaker is open in the endpoint's row. */
async function breakIt(server: Serving, url: string): Promise<string> {
  const { id } = await server.client.request<Endpoint>('POST', '/v1/endpoints', {
    url,
    retry: { schedule_s: [1, 1, 1, 1, 1, 1, 1, 1] },
  });
  expect((await read(server, id)).breaker).toEqual({ state: 'closed', since: null });
  const events = Array.from({ length: 40 }, (_, data) => ({ type: 'a.b', data }));
  await server.client.request('POST', '/v1/events/batch', { events });
  await until('its row says so', async () => (await read(server, id)).breaker.state === 'open');
  return id;
}

test('an endpoint that was broken begins slowly after a restart, and the first success opens it fully', async () => {
  const dataDir = tempDir();
  const receiver = await aBrokenReceiver();
  const before = await serve({ dataDir });
  const id = await breakIt(before, receiver.url);
  expect(receiver.state.maxOpen).toBeGreaterThan(4);
  await before.stop();
  receiver.state.maxOpen = 0;
  const had = receiver.requests.length;
  const after = await serve({ dataDir });
  const { since } = (await read(after, id)).breaker;
  expect(Date.parse(since!)).not.toBeNaN();
  await until('it is tried again', () => receiver.requests.length >= had + 20);
  // A sixteenth of 64: the 40 that are due would else go out together.
  expect(receiver.state.maxOpen).toBeLessThanOrEqual(4);
  receiver.state.failing = false;
  await until('its row says that it works', async () => (await read(after, id)).breaker.state === 'closed');
  await after.stop();
  await receiver.close();
});

test('nodes share it: one that takes shards over begins slowly, and whichever succeeds first closes it', async () => {
  const databaseUrl = await postgres.createDatabase();
  const receiver = await aBrokenReceiver();
  const a = await serve({ databaseUrl, nodeName: 'a' });
  const id = await breakIt(a, receiver.url);
  // `a` is gone before `b` comes, and `b` has made no attempt of its own yet.
  await a.stop();
  receiver.state.maxOpen = 0;
  const had = receiver.requests.length;
  const b = await serve({ databaseUrl, nodeName: 'b' });
  await until('b tries it', () => receiver.requests.length >= had + 20);
  expect(receiver.state.maxOpen).toBeLessThanOrEqual(4);
  expect((await read(b, id)).breaker.state).toBe('open');
  receiver.state.failing = false;
  await until('the row says that it works', async () => (await read(b, id)).breaker.state === 'closed');
  const { items } = await b.client.request<{ items: Endpoint[] }>('GET', '/v1/endpoints');
  expect(items).toMatchObject([{ id, breaker: { state: 'closed', since: null } }]);
  await b.stop();
  await receiver.close();
});
