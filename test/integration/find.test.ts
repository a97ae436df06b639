import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

interface Request {
  readonly attempt: number;
  readonly sent_at: string | null;
  readonly changed_since: boolean;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly body: string | null;
  readonly body_bytes: number | null;
  readonly payloads: string;
}
interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
}

describe('what was sent, and everything that can be found', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let receiver: Awaited<ReturnType<typeof aReceiver>>;
  let delivery: string;
  let endpoint: string;
  // What JSON would print otherwise is sent and shown as it was published.
  const data = '{"amount": 12345678901234567890, "card": "4242 4242 4242 4242", "é": "\\u00e9"}';
  const get = <T = Page>(path: string): Promise<T> => server.client.request<T>('GET', path);
  const as = async <T>(key: string, path: string): Promise<T> => {
    const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${key}` } });
    return (await response.json()) as T;
  };
  const keyWith = async (fields: object): Promise<string> => {
    const { key } = await server.client.request<{ key: string }>('POST', '/v1/keys', {
      name: 'tested',
      scopes: ['read'],
      ...fields,
    });
    return key;
  };

  beforeAll(async () => {
    server = await serve();
    let answers = 0;
    receiver = await aReceiver((_, response) => response.writeHead(answers++ === 0 ? 503 : 200).end());
    await server.client.request('PUT', '/v1/teams/shop', {});
    ({ id: endpoint } = await server.client.request<{ id: string }>('PUT', '/v1/endpoints/orders', {
      url: receiver.url,
      owner: 'shop',
      event_types: ['paid'],
      headers: { 'x-token': 'token-0123456789' },
      retry: { schedule_s: [0], jitter: 0, give_up_after_s: 60 },
    }));
    await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: 'Bearer phk_test_0123456789abcdef', 'content-type': 'application/json' },
      body: `{"id":"e1","type":"paid","ordering_key":"k,1","value":{"amount_minor":1099,"currency":"EUR"},"data":${data}}`,
    });
    await server.client.request('POST', '/v1/events', { id: 'e2', type: 'refund.made', data: {} });
    await until(
      'it was delivered',
      async () => (await get('/v1/deliveries?state=delivered')).items.length === 1,
    );
    delivery = (await get('/v1/deliveries')).items[0]!['id'] as string;
  });
  afterAll(async () => {
    await server.stop();
    await receiver.close();
  });

  test('the request of each attempt is the one that the receiver got, except for hidden values', async () => {
    for (const n of [1, 2]) {
      const shown = await get<Request>(`/v1/deliveries/${delivery}/request?attempt=${n}`);
      const got = receiver.requests[n - 1]!;
      expect(shown).toMatchObject({ attempt: n, changed_since: false, url: receiver.url, payloads: 'full' });
      expect(shown.body).toBe(got.body.toString());
      expect(shown.body).toContain(data);
      expect(shown.body_bytes).toBe(got.body.length);
      const hidden = new Set(['webhook-signature', 'x-token']);
      const headers = Object.fromEntries(shown.headers.map(({ name, value }) => [name, value]));
      expect(headers).toMatchObject({ 'webhook-signature': 'v1,…', 'x-token': '…' });
      for (const [name, value] of Object.entries(headers))
        if (!hidden.has(name)) expect([name, value]).toEqual([name, got.headers[name]]);
      for (const name of Object.keys(got.headers))
        if (!['connection', 'traceparent', 'accept'].includes(name)) expect(headers).toHaveProperty(name);
    }
    expect(await get<Request>(`/v1/deliveries/${delivery}/request`)).toMatchObject({ attempt: 2 });
    for (const path of [`${delivery}/request?attempt=7`, 'dlv_00000000000/request', 'nothing/request'])
      await expect(get(`/v1/deliveries/${path}`)).rejects.toMatchObject({ status: 404 });
  });

  test('G9: the body follows what the key may see of payloads; a look at a full one is in the audit log', async () => {
    const path = `/v1/deliveries/${delivery}/request`;
    const masked = await as<Request>(await keyWith({ payloads: 'masked' }), path);
    expect(masked.payloads).toBe('masked');
    expect(masked.body).toContain('[card number]');
    expect(masked.body).not.toContain('4242');
    expect(await as<Request>(await keyWith({ payloads: 'none' }), path)).toMatchObject({
      payloads: 'none',
      body: null,
      body_bytes: receiver.requests[0]!.body.length,
    });
    const looks = async (): Promise<number> =>
      (await get('/v1/audit-log?action=events.get&target=e1')).items.length;
    const before = await looks();
    const full = await keyWith({ payloads: 'full' });
    expect((await as<Request>(full, path)).body).toContain(data);
    expect(await looks()).toBe(before + 1);
    const other = await keyWith({ tenant: 'other' });
    expect(await as(other, path)).toMatchObject({ status: 404 });
  });

  test('a later change of the endpoint is reported; without the endpoint the request cannot be rebuilt', async () => {
    const { id } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
      event_types: ['other'],
      body: 'data',
    });
    await server.client.request('POST', '/v1/events', { id: 'e3', type: 'other', data: { a: 1 } });
    const of = async (): Promise<string> =>
      (await get('/v1/deliveries?event_id=e3')).items[0]!['id'] as string;
    await until(
      'it was delivered',
      async () => (await get('/v1/deliveries?event_id=e3&state=delivered')).items.length === 1,
    );
    const path = `/v1/deliveries/${await of()}/request`;
    expect(await get<Request>(path)).toMatchObject({ body: '{"a":1}', changed_since: false });
    await server.client.request('PATCH', `/v1/endpoints/${id}`, { body: 'envelope' });
    expect(await get<Request>(path)).toMatchObject({ changed_since: true });
    await server.client.request('DELETE', `/v1/endpoints/${id}`);
    await expect(get(path)).rejects.toMatchObject({ status: 409, code: 'endpoint_deleted' });
  });

  test('the body that an expression makes is shown as it was sent', async () => {
    const { id } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
      event_types: ['shaped'],
      transformation: { language: 'jsonata', expression: '{"total": amount * 2}' },
    });
    await server.client.request('POST', '/v1/events', { id: 'e4', type: 'shaped', data: { amount: 21 } });
    await until(
      'it was delivered',
      async () => (await get('/v1/deliveries?event_id=e4&state=delivered')).items.length === 1,
    );
    const one = (await get('/v1/deliveries?event_id=e4')).items[0]!['id'] as string;
    const shown = await get<Request>(`/v1/deliveries/${one}/request`);
    expect(shown.body).toBe(receiver.requests.at(-1)!.body.toString());
    expect(shown.body).toContain('42');
    await server.client.request('DELETE', `/v1/endpoints/${id}`);
  });

  test.each([
    ['', ['e1', 'e2', 'e3', 'e4']],
    ['type=paid,other', ['e1', 'e3']],
    ['unmatched=true', ['e2']],
    ['unmatched=false&type=paid', ['e1']],
    ['ordering_key=k,1', ['e1']],
    ['endpoint_id=orders', ['e1']],
    ['tenant=absent', []],
    ['until=2020-01-01T00:00:00Z', []],
  ])('events: %s', async (query, ids) => {
    const { items } = await get(`/v1/events?${query}`);
    expect(items.map(({ id }) => id as string).toSorted()).toEqual(ids);
    for (const item of items) expect(item).not.toHaveProperty('data');
  });

  test('attempts are listed across deliveries, one page after the other', async () => {
    const read = async (query: string, limit: number): Promise<string[]> => {
      const seen: string[] = [];
      for (let cursor = ''; ;) {
        const page = await get(`/v1/attempts?${query}&limit=${limit}${cursor}`);
        seen.push(...page.items.map((one) => `${String(one['event_id'])}.${String(one['n'])}`));
        if (page.next_cursor === null) return seen;
        cursor = `&cursor=${page.next_cursor}`;
      }
    };
    const all = await read('', 1000);
    expect(all).toEqual(['e4.1', 'e3.1', 'e1.2', 'e1.1']);
    expect(await read('order=asc', 1000)).toEqual(all.toReversed());
    for (const limit of [1, 2, 3]) {
      expect(await read('', limit)).toEqual(all);
      expect(await read('order=asc', limit)).toEqual(all.toReversed());
    }
    expect(await read('status_class=5xx', 10)).toEqual(['e1.1']);
    expect(await read('outcome=retry,dead', 10)).toEqual(['e1.1']);
    expect(await read('status_class=none', 10)).toEqual([]);
    expect(await read('endpoint_id=orders', 10)).toEqual(['e1.2', 'e1.1']);
    expect(await read('event_id=e3', 10)).toEqual(['e3.1']);
    expect(await read('since=2099-01-01T00:00:00Z', 10)).toEqual([]);
    await expect(get('/v1/attempts?cursor=none')).rejects.toMatchObject({ status: 422 });
  });

  test('anything is found by its id or a piece of its name', async () => {
    const find = async (q: string): Promise<string[]> =>
      (await get(`/v1/search?q=${encodeURIComponent(q)}`)).items.map(
        ({ kind, id }) => `${String(kind)} ${String(id)}`,
      );
    expect(await find(delivery)).toEqual([`delivery ${delivery}`]);
    expect(await find('e1')).toContain('event e1');
    expect(await find(endpoint)).toEqual([`endpoint ${endpoint}`]);
    expect(await find(receiver.url)).toContain(`endpoint ${endpoint}`);
    expect(await find(` ${new URL(receiver.url).host} `)).toContain(`endpoint ${endpoint}`);
    expect(await find('refund')).toEqual(['event_type refund.made']);
    expect(await find('shop')).toEqual([`endpoint ${endpoint}`, 'team shop']);
    expect(await find('no such thing at all')).toEqual([]);
    for (const hostile of ["' OR 1=1 --", '%', '_', '\\', '\u202e', '{"a":1}', 'x'.repeat(512)])
      expect(await find(hostile)).toEqual([]);
    await expect(get('/v1/search?q=')).rejects.toMatchObject({ status: 422 });
  });

  test('G9: a search finds what is the tenant of the key, and for a portal neither owners nor teams', async () => {
    const find = async (key: string, q: string): Promise<readonly Record<string, unknown>[]> =>
      (await as<Page>(key, `/v1/search?q=${encodeURIComponent(q)}`)).items;
    const other = await keyWith({ tenant: 'other' });
    for (const q of [delivery, 'e1', endpoint, receiver.url, 'shop', 'refund'])
      expect(await find(other, q)).toEqual([]);
    const own = await keyWith({ tenant: 'default' });
    expect(await find(own, 'shop')).toMatchObject([{ kind: 'endpoint', id: endpoint }]);
    const { token } = await server.client.request<{ token: string }>('POST', '/v1/portal-links', {
      tenant: 'default',
    });
    expect(await find(token, 'shop')).toEqual([]);
    expect(await find(token, receiver.url)).toEqual([
      expect.objectContaining({ kind: 'endpoint', id: endpoint, detail: null }),
    ]);
  });
});
