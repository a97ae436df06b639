import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

let posthorn: Awaited<ReturnType<typeof serve>>;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
/** What the receiver answers to the first requests. */
const answers: number[] = [];

beforeAll(async () => {
  posthorn = await serve();
  receiver = await aReceiver((_, response) => {
    response.statusCode = answers.shift() ?? 200;
    response.end();
  });
});
afterAll(async () => {
  await posthorn.stop();
  await receiver.close();
});

type Item = Record<string, unknown>;
const request = async <T = Item>(method: string, path: string, body?: unknown): Promise<T> =>
  await posthorn.client.request<T>(method, path, body);
const jsonata = (expression: string) => ({ language: 'jsonata', expression });
const endpoint = async (tenant: string, expression: string, more: object = {}): Promise<string> =>
  (
    await request<{ id: string }>('POST', '/v1/endpoints', {
      url: receiver.url,
      tenant,
      transformation: jsonata(expression),
      retry: { schedule_s: [0.05], jitter: 0 },
      ...more,
    })
  ).id;
const deliveries = async (query: string): Promise<Item[]> =>
  (await request<{ items: Item[] }>('GET', `/v1/deliveries?${query}`)).items;
const bodies = (id: string): string[] =>
  receiver.requests.filter(({ headers }) => headers['webhook-id'] === id).map(({ body }) => body.toString());

test('the data is reshaped, the same in every attempt, and what was published stays', async () => {
  const tenant = 'shape';
  const page = readFileSync(join(import.meta.dirname, '../../docs/guides/transformations.md'), 'utf8');
  const example = JSON.parse(/```json\n(.*?)```/s.exec(page)![1]!) as {
    transformation: { expression: string };
  };
  const [, data, sent] = /With the data `(.*)` the webhook's `data` is\n`(.*)`\./.exec(page)!;
  await endpoint(tenant, example.transformation.expression);
  answers.push(500);
  const occurred = '2026-11-20T08:15:00.000Z';
  await request('POST', '/v1/events', {
    id: 'shape-1',
    tenant,
    type: 'payment.made',
    occurred_at: occurred,
    data: JSON.parse(data!) as unknown,
  });
  await until('it was delivered at the second attempt', () => bodies('shape-1').length === 2);
  const body = `{"id":"shape-1","type":"payment.made","timestamp":"${occurred}","data":${sent!}}`;
  expect(bodies('shape-1')).toEqual([body, body]);
  expect(await request('GET', '/v1/events/shape-1?tenant=shape')).toMatchObject({
    data: JSON.parse(data!) as object,
  });
});

test('G5: what fails sends nothing, is retried as `transformation`, and ends as a dead letter', async () => {
  const tenant = 'fails';
  const id = await endpoint(tenant, 'object.id & $error("secret " & object.card)');
  const data = { object: { id: 'x', card: '4242424242424242' } };
  await request('POST', '/v1/events', { id: 'fails-1', tenant, type: 'a.b', data });
  await until('it is dead', async () => (await deliveries(`tenant=${tenant}&state=dead`)).length === 1);
  const [dead] = await deliveries(`tenant=${tenant}&error_class=transformation`);
  const shown = await request('GET', `/v1/deliveries/${String(dead!['id'])}`);
  expect(shown).toMatchObject({
    reason: 'schedule_exhausted',
    attempts: [
      { error_class: 'transformation', outcome: 'retry', status_code: null },
      {
        error_class: 'transformation',
        outcome: 'dead',
        message: expect.stringMatching(/position \d+ \(D3137\)/),
      },
    ],
  });
  expect(JSON.stringify(shown)).not.toContain('4242');
  expect(bodies('fails-1')).toEqual([]);
  expect(await request('GET', '/v1/dead-letters?tenant=fails')).toMatchObject({
    items: [{ error_class: 'transformation', count: 1 }],
  });
  expect(await request('GET', `/v1/endpoints/${id}`)).toMatchObject({ breaker: { state: 'closed' } });
  // With another expression the retry uses that one.
  await request('PATCH', `/v1/endpoints/${id}`, { transformation: jsonata('object.id') });
  await request('POST', '/v1/redrives', { filter: { tenant } });
  await until('the redrive delivers', () => bodies('fails-1').length === 1);
  expect(bodies('fails-1')[0]).toMatch(/"data":"x"\}$/);
});

test('an expression that cannot run is refused with its position', async () => {
  const refusal = (message: RegExp) => ({
    status: 422,
    errors: [{ path: '/transformation/expression', message: expect.stringMatching(message) as string }],
  });
  await expect(endpoint('bad', 'object.')).rejects.toMatchObject(refusal(/at position 7 \(S0207\)/));
  await expect(endpoint('bad', '$now()')).rejects.toMatchObject(
    refusal(/\$now at position 4 is not available/),
  );
  await expect(
    request('PUT', '/v1/endpoints/bad', { url: receiver.url, transformation: jsonata('{') }),
  ).rejects.toMatchObject({ status: 422 });
  await expect(
    request('POST', '/v1/endpoints', {
      url: receiver.url,
      transformation: { language: 'js', expression: '1' },
    }),
  ).rejects.toMatchObject({ status: 422, errors: [{ path: '/transformation/language' }] });
  await expect(endpoint('bad', 'x'.repeat(8193))).rejects.toMatchObject({ status: 422 });
  expect((await request<{ items: unknown[] }>('GET', '/v1/endpoints?tenant=bad')).items).toEqual([]);
});

test('a dry run says what an attempt would send', async () => {
  const dryRun = async (body: object) => await request('POST', '/v1/transformations/dry-run', body);
  expect(await dryRun({ transformation: jsonata('a + 1'), data: { a: 1 } })).toEqual({
    result: 2,
    error: null,
  });
  expect(await dryRun({ transformation: jsonata('$event.type'), data: {}, event_type: 'x.y' })).toEqual({
    result: 'x.y',
    error: null,
  });
  expect(await dryRun({ transformation: jsonata('$error("no " & a)'), data: { a: 'b' } })).toEqual({
    result: null,
    error: expect.stringMatching(/no b.*D3137/),
  });
  await request('POST', '/v1/events', { id: 'dry-1', tenant: 'dry', type: 'p.q', data: { n: 7 } });
  expect(
    await dryRun({ transformation: jsonata('n & $event.id'), event_id: 'dry-1', tenant: 'dry' }),
  ).toEqual({
    result: '7dry-1',
    error: null,
  });
  await expect(dryRun({ transformation: jsonata('n'), event_id: 'dry-2' })).rejects.toMatchObject({
    status: 404,
  });
  await expect(dryRun({ transformation: jsonata('n') })).rejects.toMatchObject({ status: 422 });
  await expect(dryRun({ transformation: jsonata('n.'), data: 1 })).rejects.toMatchObject({ status: 422 });
});

test('long numbers go out as they were published, and dry runs show them so', async () => {
  const response = await fetch(`${posthorn.url}/v1/transformations/dry-run`, {
    method: 'POST',
    headers: { authorization: 'Bearer phk_test_0123456789abcdef', 'content-type': 'application/json' },
    body: '{"transformation": {"language": "jsonata", "expression": "a"}, "data": {"a": 12345678901234567890}}',
  });
  expect(await response.text()).toBe('{"result":12345678901234567890,"error":null}');
});

test(
  'G8: a thousand endpoints with hostile expressions hold up neither another endpoint nor one with a simple expression',
  { timeout: 120_000 },
  async () => {
    const hostile = [
      '($f := function($x) { $f($x) }; $f(1))',
      '($f := function($n) { $n < 2 ? 1 : $f($n - 1) + $f($n - 2) }; $f(60))',
      '$join([1..200000].($pad("x", 200000)))',
      '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f("x", 40))',
    ];
    const tenant = 'flood';
    for (let n = 0; n < 1000; n += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, m) =>
          // Each its own, so that none is known from another.
          endpoint(tenant, `[${hostile[(n + m) % 4]!}, ${n + m}]`, { event_types: ['bad.*'] }),
        ),
      );
    await endpoint(tenant, '{ "n": n }', { event_types: ['good.*'] });
    await request('POST', '/v1/endpoints', { url: receiver.url, tenant, event_types: ['plain.*'] });
    const publish = async (id: string, type: string) =>
      await request('POST', '/v1/events', { id, tenant, type, data: { n: 1 } });
    await publish('bad-1', 'bad.x');
    for (let n = 0; n < 10; n++) {
      await publish(`plain-${n}`, 'plain.x');
      await until('the plain one is delivered', () => bodies(`plain-${n}`).length === 1);
      await publish(`good-${n}`, 'good.x');
    }
    for (let n = 0; n < 10; n++)
      await until('the honest one is delivered', () => bodies(`good-${n}`).length === 1, 60_000);
    expect(bodies('good-0')[0]).toContain('"data":{"n":1}');
    expect(bodies('bad-1')).toEqual([]);
    expect((await fetch(`${posthorn.url}/readyz`)).status).toBe(200);
  },
);
