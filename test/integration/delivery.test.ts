import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aRawReceiver } from '../raw-receiver.ts';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
});
afterAll(async () => {
  await server.stop();
});
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Delivery {
  id: string;
  state: string;
  reason: string | null;
  due_at: string | null;
  attempts: {
    outcome: string;
    error_class: string | null;
    status_code: number | null;
    response_excerpt: string | null;
    trigger: string;
  }[];
}
let tenants = 0;
/** An endpoint of a tenant of its own, and how to publish to it. */
async function endpoint(url: string, fields: Record<string, unknown> = {}) {
  const tenant = `t${++tenants}`;
  const { client } = server;
  const created = await client.request<{ id: string; secret: string }>('POST', '/v1/endpoints', {
    tenant,
    url,
    timeout_ms: 30_000,
    ...fields,
  });
  const publish = (body: Record<string, unknown> = {}) =>
    client.request<{ id: string }>('POST', '/v1/events', {
      tenant,
      type: 'payment.succeeded',
      data: { n: 1 },
      ...body,
    });
  const settled = async (eventId: string, attempts = 1): Promise<Delivery> => {
    let found: Delivery | undefined;
    await until(`event ${eventId} has ${attempts} attempts`, async () => {
      const page = await client.request<{ items: { id: string; attempt_count: number }[] }>(
        'GET',
        `/v1/deliveries?tenant=${tenant}&event_id=${eventId}`,
      );
      if ((page.items[0]?.attempt_count ?? 0) < attempts) return false;
      found = await client.request<Delivery>('GET', `/v1/deliveries/${page.items[0]!.id}`);
      return true;
    });
    return found!;
  };
  return { ...created, tenant, publish, settled };
}
async function receiver(...args: Parameters<typeof aReceiver>) {
  const made = await aReceiver(...args);
  closing.push(made.close);
  return made;
}

describe('a webhook on the wire', () => {
  test('real payments arrive byte for byte, signed as the standardwebhooks package verifies', async () => {
    const sink = await receiver();
    const to = await endpoint(sink.url, { headers: { 'x-team': 'orders' } });
    const lines = readFileSync('packages/posthorn/data/payment-events.jsonl', 'utf8').trim().split('\n');
    const odd = '{"type":"payment.odd","data":{ "n": 1.0, "big": 12345678901234567890, "s":"\\u00e9\\"}" }}';
    const texts = [...lines, odd].map((line) => `${line.slice(0, -1)},"tenant":"${to.tenant}"}`);
    await server.client.request('POST', '/v1/events/batch', `{"events":[${texts.join(',')}]}`);
    await until('all have arrived', () => sink.requests.length >= texts.length);
    const webhook = new Webhook(to.secret);
    for (const { body, headers } of sink.requests) {
      expect(() => webhook.verify(body.toString(), headers as Record<string, string>)).not.toThrow();
      expect(headers).toMatchObject({ 'x-team': 'orders', 'posthorn-attempt': '1' });
      expect(headers['posthorn-delivery']).toMatch(/^dlv_/);
      expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(headers['user-agent']).toMatch(/^Posthorn\//);
      expect(JSON.parse(body.toString())).toMatchObject({ id: headers['webhook-id'] });
    }
    expect(
      sink.requests.some(({ body }) =>
        body.toString().endsWith('"data":{ "n": 1.0, "big": 12345678901234567890, "s":"\\u00e9\\"}" }}'),
      ),
    ).toBe(true);
  });

  test('during a rotation both secrets sign', async () => {
    const sink = await receiver();
    const to = await endpoint(sink.url);
    const { secret } = await server.client.request<{ secret: string }>(
      'POST',
      `/v1/endpoints/${to.id}/rotate-secret`,
      { grace_s: 60 },
    );
    await server.client.request('POST', `/v1/endpoints/${to.id}/test`);
    await until('it has arrived', () => sink.requests.length === 1);
    const { body, headers } = sink.requests[0]!;
    for (const key of [to.secret, secret])
      new Webhook(key).verify(body.toString(), headers as Record<string, string>);
    expect(JSON.stringify(await server.client.request('GET', `/v1/endpoints/${to.id}`))).not.toContain(
      'whsec_',
    );
  });
});

describe('outcomes', () => {
  const raw = async (talk: (socket: Socket) => void): Promise<string> => {
    const sockets = new Set<Socket>();
    const listening = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => talk(socket));
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listening.close(resolve));
    });
    return `http://127.0.0.1:${(listening.address() as { port: number }).port}/`;
  };

  test.each<[string, () => Promise<string>, string | null, string, number | null]>([
    [
      '500',
      async () => (await receiver((_, r) => r.writeHead(500).end('broken'))).url,
      'http_5xx',
      'retry',
      500,
    ],
    ['404', async () => (await receiver((_, r) => r.writeHead(404).end())).url, 'http_4xx', 'retry', 404],
    [
      '429',
      async () => (await receiver((_, r) => r.writeHead(429, { 'retry-after': '3600' }).end())).url,
      'rate_limited',
      'retry',
      429,
    ],
    ['410', async () => (await receiver((_, r) => r.writeHead(410).end())).url, 'gone', 'dead', 410],
    ['a hang before the answer', async () => raw(() => {}), 'timeout', 'retry', null],
    [
      'a hang in the body of a final status',
      async () => raw((s) => s.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx')),
      null,
      'delivered',
      200,
    ],
    ['a dropped connection', async () => raw((s) => s.destroy()), 'reset', 'retry', null],
    ['a refused connection', async () => 'http://127.0.0.1:1/', 'connect', 'retry', null],
    ['no HTTP', async () => raw((s) => s.end('nonsense\r\n\r\n')), 'protocol', 'retry', null],
    ['a name that does not exist', async () => 'http://posthorn.invalid/', 'dns', 'retry', null],
    ['no TLS', async () => (await receiver()).url.replace('http:', 'https:'), 'tls', 'retry', null],
  ])('%s', async (_, url, errorClass, outcome, status) => {
    const to = await endpoint(await url(), { timeout_ms: 500 });
    const { id } = await to.publish();
    const delivery = await to.settled(id);
    expect(delivery.attempts[0]).toMatchObject({ error_class: errorClass, outcome, status_code: status });
    expect(delivery.state).toBe(outcome === 'retry' ? 'pending' : outcome);
  });

  test('a redirect is never followed', async () => {
    const target = await receiver();
    const from = await receiver((_, r) => r.writeHead(302, { location: target.url }).end());
    const to = await endpoint(from.url);
    expect((await to.settled((await to.publish()).id)).attempts[0]).toMatchObject({
      error_class: 'redirect',
      status_code: 302,
    });
    expect(target.requests).toEqual([]);
  });

  test('410 pauses the endpoint; what comes then is suppressed, and a redrive brings it back', async () => {
    let gone = true;
    const sink = await receiver((_, r) => r.writeHead(gone ? 410 : 200).end());
    const to = await endpoint(sink.url);
    await to.settled((await to.publish()).id);
    await until(
      'it is paused',
      async () =>
        !(await server.client.request<{ enabled: boolean }>('GET', `/v1/endpoints/${to.id}`)).enabled,
    );
    expect(await to.publish()).toMatchObject({ deliveries: 1, suppressed: 1 });
    gone = false;
    await server.client.request('POST', `/v1/endpoints/${to.id}/resume`);
    const job = await server.client.request<{ id: string; matched: number }>('POST', '/v1/redrives', {
      filter: { endpoint_id: to.id, state: 'suppressed' },
      rate_per_s: 100,
    });
    expect(job.matched).toBe(1);
    await until('it has arrived', () => sink.requests.length === 2);
  });

  test('an answer of any length is kept to 4 KiB', async () => {
    const sink = await receiver((_, r) => r.end('y'.repeat(1_000_000)));
    const to = await endpoint(sink.url);
    const { attempts, state } = await to.settled((await to.publish()).id);
    expect(state).toBe('delivered');
    expect(attempts[0]!.response_excerpt).toBe('y'.repeat(4096));
  });
});

describe('connections', () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const rawReceiver = async (...args: Parameters<typeof aRawReceiver>) => {
    const made = await aRawReceiver(...args);
    closing.push(made.close);
    return made;
  };

  test('G8: endpoints with the same URL share none, neither idle nor in use', async () => {
    const sink = await rawReceiver((socket, { all }) => void (all !== 3 && socket.write(ok)));
    const [first, second] = [await endpoint(sink.url), await endpoint(sink.url)];
    const deliver = async (to: typeof first): Promise<void> => {
      const { id } = await to.publish();
      expect((await to.settled(id)).state).toBe('delivered');
    };
    await deliver(first);
    await deliver(second);
    expect(sink.connections).toHaveLength(2);
    // The third request hangs.
    await first.publish();
    await until('it hangs', () => sink.requests.length === 3);
    await deliver(second);
    expect(sink.connections).toHaveLength(2);
  });

  test('a kept connection that the receiver closed costs no attempt, and the attempt says what happened', async () => {
    const sink = await rawReceiver(
      (socket, { nth }) => void (nth === 1 ? socket.write(ok) : socket.resetAndDestroy()),
    );
    const to = await endpoint(sink.url);
    const first = await to.publish();
    expect((await to.settled(first.id)).attempts).toMatchObject([{ message: null }]);
    const { id } = await to.publish();
    const { state, attempts } = await to.settled(id);
    expect(state).toBe('delivered');
    expect(attempts).toMatchObject([
      {
        outcome: 'delivered',
        message: 'sent once more on a new connection: the receiver had closed the kept one',
      },
    ]);
    expect(sink.requests).toHaveLength(3);
  });
});

describe('retrying', () => {
  test('a failing delivery is retried on its schedule until it arrives; a manual redrive joins the same clock', async () => {
    let failures = 2;
    const sink = await receiver((_, r) => r.writeHead(failures-- > 0 ? 503 : 200).end());
    const to = await endpoint(sink.url, { retry: { schedule_s: [0.05, 3600] } });
    const { id } = await to.publish();
    const { id: delivery } = await to.settled(id, 2);
    await server.client.request('POST', `/v1/deliveries/${delivery}/redrive`);
    const done = await to.settled(id, 3);
    expect(done).toMatchObject({
      state: 'delivered',
      attempts: [{ outcome: 'retry' }, { outcome: 'retry' }, { outcome: 'delivered', trigger: 'manual' }],
    });
    expect(new Set(sink.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
  });

  test('when the schedule ends it is a dead letter, grouped, with the value at risk', async () => {
    await server.client.request('PUT', '/v1/teams/orders', {});
    const to = await endpoint('http://127.0.0.1:1/', { retry: { schedule_s: [0.01] }, owner: 'orders' });
    const { id } = await to.publish({ value: { amount_minor: 1099, currency: 'usd' } });
    expect(await to.settled(id, 2)).toMatchObject({
      state: 'dead',
      reason: 'schedule_exhausted',
      due_at: null,
    });
    const { items } = await server.client.request<{ items: unknown[] }>(
      'GET',
      `/v1/dead-letters?tenant=${to.tenant}`,
    );
    expect(items).toMatchObject([
      {
        endpoint_id: to.id,
        owner: 'orders',
        error_class: 'connect',
        count: 1,
        value_at_risk: [{ currency: 'USD', amount_minor: 1099, events: 1 }],
      },
    ]);
    const dry = await server.client.request('POST', '/v1/redrives', {
      filter: { endpoint_id: to.id },
      dry_run: true,
    });
    expect(dry).toMatchObject({ matched: 1, redriven: 0, state: 'done' });
    expect(await server.client.request('GET', `/v1/accounting?endpoint_id=${to.id}`)).toMatchObject({
      accepted: 1,
      dead: 1,
      unaccounted: 0,
      drop_rate: 1,
    });
  });

  test('keys keep their order, and a rate limit holds', async () => {
    let first = true;
    const sink = await receiver((_, r) => {
      r.writeHead(first ? 500 : 200).end();
      first = false;
    });
    const to = await endpoint(sink.url, {
      ordering: 'key',
      rate_limit_per_s: 200,
      retry: { schedule_s: [0.05, 0.05] },
    });
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await to.publish({ ordering_key: 'k', data: { n } })).id);
    await until('all have arrived', () => sink.requests.length === 6);
    expect(sink.requests.map(({ headers }) => headers['webhook-id'])).toEqual([ids[0], ...ids]);
  });
});

test('G8: an endpoint that always hangs does not hold up another', async () => {
  const silent = await receiver(() => {});
  const sink = await receiver();
  const { client } = server;
  const tenant = `t${++tenants}`;
  const ids: string[] = [];
  for (const url of [silent.url, sink.url]) {
    const fields = { tenant, url, timeout_ms: 60_000 };
    ids.push((await client.request<{ id: string }>('POST', '/v1/endpoints', fields)).id);
  }
  const events = Array.from({ length: 1000 }, (_, n) => ({ tenant, type: 'a.b', data: { n } }));
  await client.request('POST', '/v1/events/batch', { events });
  await until('the healthy one has all', () => sink.requests.length === 1000);
  // All that time, the attempts at the silent endpoint have not ended: nothing waited for their timeout.
  const { items } = await client.request<{ items: { attempt_count: number }[] }>(
    'GET',
    `/v1/deliveries?tenant=${tenant}&endpoint_id=${ids[0]}&limit=1000`,
  );
  expect(silent.requests.length).toBeGreaterThan(0);
  expect(items).toHaveLength(1000);
  expect(items.filter(({ attempt_count: count }) => count > 0)).toEqual([]);
});
