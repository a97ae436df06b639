import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aReceiver, type Received, until } from '../support.ts';
import { serve } from './serving.ts';

interface Details {
  readonly id: string;
  readonly state: string;
  readonly late: boolean;
  readonly due_at: string | null;
  readonly created_at: string;
  readonly claims: number;
  readonly claim: { readonly n: number; readonly node: string | null; readonly lease_until: string } | null;
  readonly waiting_for: {
    readonly kind: string;
    readonly until: string | null;
    readonly delivery_id: string | null;
  } | null;
  readonly next_attempts: readonly { readonly n: number; readonly at: string; readonly latest_at: string }[];
  readonly redrives: readonly { readonly at: string; readonly by: string | null }[];
  readonly attempts: readonly {
    readonly n: number;
    readonly started_at: string;
    readonly lease_until: string | null;
    readonly response_headers: readonly { readonly name: string; readonly value: string }[] | null;
    readonly address: string | null;
    readonly phases_ms: Readonly<Record<string, number | null>> | null;
  }[];
}

describe('a delivery says all that is known of it', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let answer: (
    request: Received,
    response: Parameters<NonNullable<Parameters<typeof aReceiver>[0]>>[1],
  ) => void;
  let endpoint: string;
  const get = (id: string): Promise<Details> => server.client.request('GET', `/v1/deliveries/${id}`);
  const publish = async (id: string, more: object = {}): Promise<string> => {
    await server.client.request('POST', '/v1/events', { id, type: 'paid', data: {}, ...more });
    const { items } = await server.client.request<{ items: { id: string }[] }>(
      'GET',
      `/v1/deliveries?event_id=${id}`,
    );
    return items[0]!.id;
  };

  beforeAll(async () => {
    server = await serve();
    receiver = await aReceiver((request, response) => answer(request, response));
    ({ id: endpoint } = await server.client.request<{ id: string }>('PUT', '/v1/endpoints/orders', {
      url: receiver.url,
      timeout_ms: 20_000,
      headers: { 'x-token': 'token-0123456789' },
      retry: { schedule_s: [3600, 7200], jitter: 0, give_up_after_s: 86_400 },
    }));
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  test('of an attempt that failed: lease, headers, address and phases, and when the next ones are to be expected', async () => {
    answer = (request, response) => {
      response.setHeader('x-echo', String(request.headers['x-token']));
      response.setHeader('set-cookie', 'session=secret-of-the-receiver');
      response.writeHead(503, { 'retry-after': '7200' }).end('database is restarting');
    };
    const id = await publish('failed', { value: { amount_minor: 12_900, currency: 'EUR' } });
    await until('it has failed', async () => (await get(id)).attempts.length === 1);
    const details = await get(id);
    const [attempt] = details.attempts;
    expect(details).toMatchObject({
      state: 'pending',
      late: false,
      value: { amount_minor: 12_900, currency: 'EUR' },
      claims: 1,
      claim: null,
      blocked_by: null,
    });
    // Posthorn obeys an hour of it.
    expect(details.waiting_for).toMatchObject({ kind: expect.stringMatching(/^(retry|throttle)$/) });
    expect(details.next_attempts.map(({ n }) => n)).toEqual([2, 3]);
    const [next, last] = details.next_attempts;
    expect(Date.parse(next!.at)).toBeGreaterThanOrEqual(Date.parse(details.due_at!));
    expect(Date.parse(last!.at) - Date.parse(next!.at)).toBe(7_200_000);
    expect(last!.latest_at).toBe(last!.at);
    expect(Date.parse(attempt!.lease_until!) - Date.parse(attempt!.started_at)).toBeGreaterThan(20_000);
    expect(attempt!.address).toBe('127.0.0.1');
    expect(attempt!.phases_ms).toMatchObject({
      lookup: expect.any(Number),
      connect: expect.any(Number),
      tls: null,
      proxy: null,
      first_byte: expect.any(Number),
    });
    const headers = Object.fromEntries(attempt!.response_headers!.map(({ name, value }) => [name, value]));
    expect(headers).toMatchObject({ 'retry-after': '7200', 'x-echo': '…', 'set-cookie': '…' });

    answer = (_, response) => response.end('ok');
    await server.client.request('POST', `/v1/deliveries/${id}/redrive`);
    await until('it was delivered', async () => (await get(id)).state === 'delivered');
    const delivered = await get(id);
    expect(delivered).toMatchObject({ waiting_for: null, next_attempts: [], claims: 2 });
    expect(delivered.redrives).toEqual([{ at: expect.any(String), by: expect.any(String) }]);
    // What was tried before is kept of a success too.
    expect(delivered.attempts[1]!.response_headers).not.toBeNull();
  });

  test('of an attempt under way: its claim and until when it lasts; what is behind it waits for it', async () => {
    const held: (() => void)[] = [];
    let isHeld = true;
    answer = (_, response) => {
      if (isHeld) held.push(() => response.end('ok'));
      else response.end('ok');
    };
    const { id: keyed } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: `${receiver.url}/keyed`,
      event_types: ['keyed'],
      ordering: 'key',
    });
    const events = ['first', 'second'].map((id) => ({ id, type: 'keyed', data: {}, ordering_key: 'k' }));
    await server.client.request('POST', '/v1/events/batch', { events });
    const of = async (event: string): Promise<Details> => {
      const { items } = await server.client.request<{ items: { id: string }[] }>(
        'GET',
        `/v1/deliveries?event_id=${event}&endpoint_id=${keyed}`,
      );
      return await get(items[0]!.id);
    };
    await until('the first is under way', () =>
      receiver.requests.some(({ path }) => path.endsWith('/keyed')),
    );
    const first = await of('first');
    expect(first.claim).toMatchObject({ n: 1, node: expect.any(String) });
    expect(first.claim!.lease_until).toBe(first.due_at);
    expect(first.waiting_for).toEqual({ kind: 'attempt', until: first.due_at, delivery_id: null });
    expect(first.next_attempts[0]).toMatchObject({ n: 2 });
    const second = await of('second');
    expect(second.waiting_for).toEqual({ kind: 'ordering_key', until: null, delivery_id: first.id });
    isHeld = false;
    for (const release of held) release();
    await until('both are delivered', async () => (await of('second')).state === 'delivered');
    await server.client.request('DELETE', `/v1/endpoints/${keyed}`);
  });

  test('of what waits for an operator: that its endpoint is paused', async () => {
    answer = (_, response) => response.writeHead(500).end();
    const id = await publish('waits');
    await until('it has failed', async () => (await get(id)).attempts.length === 1);
    await server.client.request('POST', `/v1/endpoints/${endpoint}/pause`, {});
    expect((await get(id)).waiting_for).toEqual({ kind: 'paused_endpoint', until: null, delivery_id: null });
    await server.client.request('POST', `/v1/endpoints/${endpoint}/resume`, {});
    await server.client.request('POST', `/v1/deliveries/${id}/cancel`, { reason: 'tested' });
    expect(await get(id)).toMatchObject({ state: 'cancelled', waiting_for: null, next_attempts: [] });
  });

  test('G9: a portal sees neither nodes nor who redrove it; a key without payloads sees no headers', async () => {
    answer = (_, response) => response.writeHead(500, { 'x-mail': 'ines@kestrel.example' }).end();
    const id = await publish('of-a-portal');
    await until('it has failed', async () => (await get(id)).attempts.length === 1);
    await server.client.request('POST', `/v1/deliveries/${id}/redrive`);
    await until('it has failed again', async () => (await get(id)).attempts.length === 2);
    const call = async (token: string): Promise<Details> => {
      const response = await fetch(`${server.url}/v1/deliveries/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return (await response.json()) as Details;
    };
    const { token } = await server.client.request<{ token: string }>('POST', '/v1/portal-links', {
      tenant: 'default',
    });
    expect(await call(token)).toMatchObject({
      redrives: [{ by: null }],
      endpoint: { owner: null },
      attempts: [{ node: null }, { node: null }],
    });
    for (const [payloads, headers] of [
      ['none', null],
      ['masked', expect.arrayContaining([{ name: 'x-mail', value: '[email address]' }])],
    ]) {
      const { key } = await server.client.request<{ key: string }>('POST', '/v1/keys', {
        name: `with ${payloads}`,
        scopes: ['read'],
        payloads,
      });
      expect((await call(key)).attempts[0]!.response_headers).toEqual(headers);
    }
  });
});
