import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

interface Item {
  readonly id: string;
  readonly event_id: string;
  readonly state: string;
  readonly late: boolean;
  readonly deadline_at: string;
  readonly event?: { readonly value: unknown; readonly ordering_key: string | null };
  readonly endpoint?: { readonly host: string; readonly owner: string | null; readonly name: string | null };
}
interface Page {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
  readonly searched_to: string | null;
  readonly rows_read: number;
}

describe('deliveries are found by what is known of them', () => {
  let server: Awaited<ReturnType<typeof serve>>;
  let good: Awaited<ReturnType<typeof aReceiver>>;
  let bad: Awaited<ReturnType<typeof aReceiver>>;
  let slow: string;
  const list = (query: string): Promise<Page> => server.client.request('GET', `/v1/deliveries?${query}`);
  const ids = async (query: string): Promise<string[]> =>
    (await list(query)).items.map(({ event_id: id }) => id).toSorted();

  beforeAll(async () => {
    [server, good, bad] = await Promise.all([
      serve(),
      aReceiver(),
      aReceiver((_, response) => response.writeHead(418).end()),
    ]);
    const { request } = server.client;
    for (const team of ['shop', 'ledger']) await request('PUT', `/v1/teams/${team}`, {});
    await request('PUT', '/v1/endpoints/orders', { url: good.url, owner: 'shop', event_types: ['paid'] });
    const one = await request<{ id: string }>('POST', '/v1/endpoints', {
      url: bad.url,
      owner: 'ledger',
      event_types: ['paid', 'refunded'],
      retry: { schedule_s: [], jitter: 0, give_up_after_s: 60 },
    });
    slow = one.id;
    await request('POST', '/v1/events/batch', {
      events: [
        {
          id: 'e1',
          type: 'paid',
          data: {},
          ordering_key: 'k,1',
          value: { amount_minor: 1099, currency: 'EUR' },
        },
        { id: 'e2', type: 'paid', data: {}, value: { amount_minor: 50_000, currency: 'jpy' } },
        { id: 'e3', type: 'refunded', data: {} },
      ],
    });
    await until('all have ended', async () => (await list('state=pending')).items.length === 0);
  });
  afterAll(async () => {
    await server.stop();
    await Promise.all([good.close(), bad.close()]);
  });

  test.each([
    ['', ['e1', 'e1', 'e2', 'e2', 'e3']],
    ['state=dead,delivered&event_type=refunded', ['e3']],
    ['status_code=418', ['e1', 'e2', 'e3']],
    ['status_code=200,418&event_id=e1', ['e1', 'e1']],
    ['owner=shop', ['e1', 'e2']],
    ['owner=shop,ledger&event_id=e2', ['e2', 'e2']],
    ['owner=absent', []],
    ['ordering_key=k,1', ['e1', 'e1']],
    ['ordering_key=k,1&tenant=default&state=dead', ['e1']],
    ['currency=JPY', ['e2', 'e2']],
    ['currency=jpy,eur&state=delivered', ['e1', 'e2']],
    ['min_value=1100', ['e2', 'e2']],
    ['min_value=1099&currency=EUR', ['e1', 'e1']],
    ['min_value=999999999999999999', []],
    ['late=false', ['e1', 'e1', 'e2', 'e2', 'e3']],
    ['late=true', []],
  ])('%s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  test.each([
    'status_code=99',
    'min_value=1.5',
    'late=yes',
    'include=payload',
    'currency=EURO',
    'owner=No%20team',
  ])('refused: %s', async (query) => {
    await expect(list(query)).rejects.toMatchObject({ status: 422 });
  });

  test('rows come with what a table shows of the event and the endpoint, if it is asked for', async () => {
    const [plain] = (await list('event_id=e1&owner=shop')).items;
    expect(plain).not.toHaveProperty('event');
    expect(plain).not.toHaveProperty('endpoint');
    const [one] = (await list('event_id=e1&owner=shop&include=event,endpoint')).items;
    expect(one).toMatchObject({
      state: 'delivered',
      late: false,
      event: { value: { amount_minor: 1099, currency: 'EUR' }, ordering_key: 'k,1', occurred_at: null },
      endpoint: {
        name: 'orders',
        host: new URL(good.url).host,
        owner: 'shop',
        enabled: true,
        deleted: false,
      },
    });
    expect(Date.parse(one!.deadline_at)).toBeGreaterThan(Date.now() - 60_000);
  });

  test('pages go on from their cursors, in both orders, until nothing is left', async () => {
    for (const order of ['asc', 'desc']) {
      const read: string[] = [];
      let cursor = '';
      for (;;) {
        const page = await list(`limit=2&order=${order}${cursor}`);
        read.push(...page.items.map(({ id }) => id));
        expect(page.searched_to === null).toBe(page.next_cursor === null);
        if (page.next_cursor === null) break;
        cursor = `&cursor=${page.next_cursor}`;
      }
      expect(read).toEqual(order === 'asc' ? read.toSorted() : read.toSorted().toReversed());
      expect(new Set(read).size).toBe(5);
    }
  });

  test('G9: a key of a tenant does not learn how many rows there are; a portal is not told owners, nor asks for them', async () => {
    const { client, url } = server;
    const call = async (token: string, query: string): Promise<{ status: number; body: Page }> => {
      const response = await fetch(`${url}/v1/deliveries?${query}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return { status: response.status, body: (await response.json()) as Page };
    };
    expect((await list('')).rows_read).toBeGreaterThanOrEqual(5);
    const { key } = await client.request<{ key: string }>('POST', '/v1/keys', {
      name: 'of a tenant',
      scopes: ['read'],
      tenant: 'default',
    });
    expect((await call(key, 'include=endpoint&owner=shop')).body).toMatchObject({
      rows_read: null,
      items: [{ endpoint: { owner: 'shop' } }, { endpoint: { owner: 'shop' } }],
    });
    const { token } = await client.request<{ token: string }>('POST', '/v1/portal-links', {
      tenant: 'default',
      endpoint_ids: [slow],
    });
    const seen = await call(token, 'include=endpoint,event');
    expect(seen.body.items).toHaveLength(3);
    expect(seen.body.items.every(({ endpoint }) => endpoint!.owner === null)).toBe(true);
    expect((await call(token, 'owner=ledger')).status).toBe(403);
  });
});
