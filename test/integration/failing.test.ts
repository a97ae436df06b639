import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Postgres, startPostgres } from '../postgres.ts';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

interface Endpoint {
  readonly enabled: boolean;
  readonly paused_reason: string | null;
  readonly failing_since: string | null;
  readonly disables_at: string | null;
}

describe.each(['SQLite', 'PostgreSQL'])('an endpoint that has only failed, on %s', (kind) => {
  /** A server, and a receiver that fails on demand. */
  const began = async () => {
    const server = await serve({
      evaluateEveryS: 1,
      ...(kind === 'SQLite' ? {} : { databaseUrl: await postgres.createDatabase() }),
    });
    const state = { failing: true };
    const receiver = await aReceiver((_, response) => response.writeHead(state.failing ? 500 : 200).end());
    const request = <T>(method: string, path: string, body?: unknown): Promise<T> =>
      server.client.request<T>(method, path, body);
    return {
      request,
      state,
      create: (fields: object, method: 'POST' | 'PUT' = 'POST') =>
        request(method, method === 'PUT' ? '/v1/endpoints/orders' : '/v1/endpoints', {
          name: 'orders',
          url: receiver.url,
          retry: { schedule_s: Array.from({ length: 30 }, () => 0.2), jitter: 0 },
          ...fields,
        }),
      publish: (id: string) => request('POST', '/v1/events', { type: 'a', id, data: 1 }),
      endpoint: () => request<Endpoint>('GET', '/v1/endpoints/orders'),
      alerts: async () =>
        (await request<{ items: { rule: string; state: string }[] }>('GET', '/v1/alerts')).items
          .filter((alert) => alert.state === 'firing')
          .map(({ rule }) => rule),
      counts: () => request<Record<string, number>>('GET', '/v1/accounting'),
      end: async () => {
        await server.stop();
        await receiver.close();
      },
    };
  };

  test('G5: is paused after its time with nothing lost: what waits goes on after the resume, what came meanwhile by a redrive', async () => {
    const { request, state, create, publish, endpoint, alerts, counts, end } = await began();
    await create({ disable_after_s: 1 });
    expect(await endpoint()).toMatchObject({ failing_since: null, disables_at: null });
    await publish('first');
    await until('its failures are counted', async () => (await endpoint()).failing_since !== null);
    const { failing_since: since, disables_at: at } = await endpoint();
    if (at !== null) expect(Date.parse(at) - Date.parse(since!)).toBe(1000);
    await until('it is paused', async () => !(await endpoint()).enabled);
    expect(await endpoint()).toMatchObject({
      paused_reason: 'failing',
      failing_since: since,
      disables_at: null,
    });
    await publish('second');
    expect(await counts()).toMatchObject({ pending: 1, suppressed: 1, dead: 0, unaccounted: 0 });
    // A declaration that is applied again does not resume it.
    expect(await create({ disable_after_s: 1, description: 'again' }, 'PUT')).toMatchObject({
      enabled: false,
      paused_reason: 'failing',
    });
    await until('its owner hears of it', async () => (await alerts()).includes('endpoint_disabled'));
    state.failing = false;
    expect(await request('POST', '/v1/endpoints/orders/resume')).toMatchObject({
      enabled: true,
      paused_reason: null,
      failing_since: null,
    });
    await until('what waited is delivered', async () => (await counts())['delivered'] === 1);
    await request('POST', '/v1/redrives', { filter: { state: ['suppressed'] } });
    await until('what was suppressed is delivered', async () => (await counts())['delivered'] === 2);
    expect(await endpoint()).toMatchObject({ failing_since: null });
    await end();
  });

  test('a success in between begins it anew, and without a time it is never paused', async () => {
    const { state, create, publish, endpoint, counts, request, end } = await began();
    await create({ disable_after_s: 3600 });
    await publish('first');
    await until('its failures are counted', async () => (await endpoint()).failing_since !== null);
    state.failing = false;
    await until('it is delivered', async () => (await counts())['delivered'] === 1);
    await until('that is known', async () => (await endpoint()).failing_since === null);
    state.failing = true;
    await publish('second');
    await until('its failures are counted again', async () => (await endpoint()).failing_since !== null);
    expect(await request('PATCH', '/v1/endpoints/orders', { disable_after_s: null })).toMatchObject({
      disable_after_s: null,
      failing_since: null,
      disables_at: null,
    });
    await end();
  });
});
