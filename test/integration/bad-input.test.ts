import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveryId } from '../../packages/posthorn/src/domain/ids.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
});
afterAll(async () => {
  await server.stop();
});

async function post(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string | null; problem: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    body: body as string,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
  });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    problem: (await response.json()) as Record<string, unknown>,
    headers: response.headers,
  };
}
const stored = async (): Promise<number> =>
  (await server.client.request<{ events: number }>('GET', '/v1/accounting')).events;

describe('bad input is refused with its path, and nothing is stored', () => {
  const deep = (levels: number): string => `{"type":"a.b","data":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  test.each<[string, string, string | Uint8Array, number, string, string | null]>([
    ['a wrong type', '/v1/events', '{"type":5,"data":{}}', 422, 'invalid_request', '/type'],
    ['a missing field', '/v1/events', '{"type":"a.b"}', 422, 'invalid_request', '/data'],
    [
      'an unknown field',
      '/v1/events',
      '{"type":"a.b","data":{},"colour":1}',
      422,
      'invalid_request',
      '/colour',
    ],
    [
      'a bad amount',
      '/v1/events',
      '{"type":"a.b","data":{},"value":{"amount_minor":1.5,"currency":"USD"}}',
      422,
      'invalid_request',
      '/value/amount_minor',
    ],
    ['no JSON', '/v1/events', '{"type":', 400, 'invalid_json', null],
    ['an empty body', '/v1/events', '', 422, 'invalid_request', ''],
    [
      'no UTF-8',
      '/v1/events',
      new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      400,
      'invalid_utf8',
      null,
    ],
    ['nesting of 100,000 levels', '/v1/events', deep(100_000), 400, 'too_deep', null],
    [
      'oversized data',
      '/v1/events',
      JSON.stringify({ type: 'a.b', data: 'x'.repeat(262_144) }),
      413,
      'too_large',
      '/data',
    ],
    [
      'oversized data in another alphabet',
      '/v1/events',
      JSON.stringify({ type: 'a.b', data: 'ж'.repeat(140_000) }),
      413,
      'too_large',
      '/data',
    ],
    [
      '1,001 in a batch',
      '/v1/events/batch',
      JSON.stringify({ events: Array.from({ length: 1001 }, () => ({ type: 'a.b', data: 1 })) }),
      422,
      'invalid_request',
      '/events',
    ],
    [
      'one bad event in a batch',
      '/v1/events/batch',
      JSON.stringify({
        events: [
          { type: 'a.b', data: 1 },
          { type: 'a b', data: 1 },
        ],
      }),
      422,
      'invalid_request',
      '/events/1/type',
    ],
    ['a URL that is none', '/v1/endpoints', '{"url":"example"}', 422, 'invalid_request', '/url'],
    ['another scheme', '/v1/endpoints', '{"url":"file:///etc/passwd"}', 422, 'invalid_request', '/url'],
    [
      'credentials in the URL',
      '/v1/endpoints',
      '{"url":"https://a:b@example.com/"}',
      422,
      'invalid_request',
      '/url',
    ],
    [
      'a header of ours',
      '/v1/endpoints',
      '{"url":"https://example.com/","headers":{"Webhook-Id":"x"}}',
      422,
      'invalid_request',
      '/headers/Webhook-Id',
    ],
    [
      'a short secret',
      '/v1/endpoints',
      '{"url":"https://example.com/","secret":"whsec_AAAA"}',
      422,
      'invalid_request',
      '/secret',
    ],
  ])('%s', async (_, path, body, status, code, fault) => {
    const before = await stored();
    const answer = await post(path, body);
    expect(answer).toMatchObject({
      status,
      type: expect.stringContaining('application/problem+json'),
      problem: { code, status },
    });
    if (fault !== null) expect(answer.problem['errors']).toMatchObject([{ path: fault }]);
    expect(await stored()).toBe(before);
  });

  test('a body beyond every limit', async () => {
    expect(
      await post('/v1/events', `"${'x'.repeat(33 * 1024 * 1024)}"`).catch(() => ({ status: 413 })),
    ).toMatchObject({ status: 413 });
  });

  test('a compressed body', async () => {
    const body = gzipSync('{"type":"a.b","data":{}}');
    expect(await post('/v1/events', body, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 415,
      problem: { code: 'unsupported_media_type' },
    });
  });

  test('another content type', async () => {
    expect(await post('/v1/events', 'type=a', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
    });
  });

  test.each(['', 'Bearer phk_wrong', 'Basic eDp5', `Bearer ${apiKey}x`])(
    'a missing or wrong key: %s',
    async (authorization) => {
      const answer = await post('/v1/events', '{"type":"a.b","data":{}}', { authorization });
      expect(answer).toMatchObject({ status: 401, problem: { code: 'unauthorized' } });
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    },
  );

  test('G1: the same id with another body is 409, with the same body the same receipt', async () => {
    const first = await post('/v1/events', '{"type":"a.b","data":{"n":1},"id":"same"}');
    const again = await post('/v1/events', '{"type":"a.b","data":{"n":1}}', { 'idempotency-key': 'same' });
    expect(first.status).toBe(202);
    expect(again).toMatchObject({ status: 202, problem: { ...first.problem, duplicate: true } });
    const other = await post('/v1/events', '{"type":"a.b","data":{"n":2},"id":"same"}');
    const conflict = { code: 'event_id_conflict', errors: [{ path: '/id' }] };
    expect(other).toMatchObject({ status: 409, problem: conflict });
    const batch = '{"events":[{"type":"a.b","data":1},{"type":"a.b","data":{"n":3},"id":"same"}]}';
    expect(await post('/v1/events/batch', batch)).toMatchObject({
      status: 409,
      problem: { ...conflict, errors: [{ path: '/events/1/id' }] },
    });
  });

  test.each([
    ['DELETE', '/v1/events', ['GET', 'POST']],
    ['POST', '/v1/deliveries?state=dead', ['GET']],
    ['DELETE', '/v1/events/batch', ['GET', 'POST']],
    ['PATCH', '/v1/teams/checkout', ['DELETE', 'GET', 'PUT']],
    ['GET', '/v1/endpoints/ep_1/pause', ['POST']],
    ['PUT', '/healthz', ['GET']],
    ['HEAD', '/v1/accounting', ['GET']],
  ])('a wrong method (%s %s) is 405 and says which are right', async (method, path, allowed) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${apiKey}` },
    });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allowed.join(', '));
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    if (method !== 'HEAD')
      expect(await response.json()).toMatchObject({
        status: 405,
        code: 'method_not_allowed',
        detail: `${method} is not allowed on ${path.split('?')[0]}. Allowed: ${allowed.join(', ')}.`,
      });
  });

  test('without a key nothing is said about methods; an id may be the name of a path', async () => {
    expect((await fetch(`${server.url}/v1/events`, { method: 'DELETE' })).status).toBe(401);
    await server.client.request('POST', '/v1/events', { id: 'batch', type: 'a.b', data: 1 });
    expect(await server.client.request('GET', '/v1/events/batch')).toMatchObject({ id: 'batch' });
  });

  test('unknown names are 404', async () => {
    for (const path of [
      '/v1/events/none',
      `/v1/deliveries/${deliveryId(2 ** 50)}`,
      '/v1/deliveries/x',
      '/v1/endpoints/none',
      '/v1/redrives/none',
      '/v1/nothing',
      `/v1/events/${'x'.repeat(300)}`,
      `/v1/events/${'x'.repeat(5000)}`,
    ]) {
      await expect(server.client.request('GET', path)).rejects.toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
  });

  test('a path that is not a URL is a problem document too', async () => {
    const answer = await fetch(`${server.url}/v1/events/%zz`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'bad_url' });
    await expect(server.client.request('GET', '/v1/events/a%00')).rejects.toMatchObject({ code: 'bad_url' });
  });

  test.each([
    ['an id with half a surrogate pair', '/v1/events', '{"type":"a.b","data":{},"id":"a\\ud800"}', '/id'],
    ['an ordering key', '/v1/events', '{"type":"a.b","data":{},"ordering_key":"\\udc00"}', '/ordering_key'],
    [
      'an endpoint that says NUL',
      '/v1/endpoints',
      '{"url":"https://example.com/","description":"\\u0000"}',
      '/description',
    ],
    [
      'a filter',
      '/v1/endpoints',
      '{"url":"https://example.com/","filter":{"/a~":"\\ud834"}}',
      '/filter/~1a~0',
    ],
    ['a name of a member', '/v1/redrives', '{"filter":{"\\u0000":1}}', '/filter/\ufffd'],
  ])('text that no database gives back as it was: %s', async (_, path, body, fault) => {
    expect(await post(path, body)).toMatchObject({ status: 422, problem: { errors: [{ path: fault }] } });
  });

  test("an event's data may hold any text, and whole pairs and escaped backslashes are text", async () => {
    const data = String.raw`{"a":"\u0000 \ud800 \\u0000 \ud834\udd1e"}`;
    expect((await post('/v1/events', `{"type":"a.b","data":${data},"id":"any"}`)).status).toBe(202);
    expect(
      await (
        await fetch(`${server.url}/v1/events/any`, { headers: { authorization: `Bearer ${apiKey}` } })
      ).text(),
    ).toContain(data);
    const description = String.raw`\ud834\udd1e \\u0000`;
    expect(
      (await post('/v1/endpoints', `{"url":"http://127.0.0.1:9/","description":"${description}"}`)).status,
    ).toBe(201);
  });

  test('null is a body, and none that an optional one may be', async () => {
    await post('/v1/events', '{"type":"a.b","data":{},"id":"again"}');
    expect(await post('/v1/events/again/replay', 'null')).toMatchObject({ status: 422 });
    expect(await post('/v1/events/again/replay', '')).toMatchObject({ status: 202 });
  });

  test('the longest id that an event may have is found again', async () => {
    const id = '\u{1d11e}/'.repeat(85);
    expect((await post('/v1/events', JSON.stringify({ type: 'a.b', data: {}, id }))).status).toBe(202);
    expect(await server.client.request('GET', `/v1/events/${encodeURIComponent(id)}`)).toMatchObject({ id });
  });

  test('a private address is refused where private networks are not allowed', async () => {
    const guarded = await serve({ allowPrivateNetworks: false });
    try {
      for (const url of [
        'http://127.0.0.1/',
        'http://[::1]/',
        'http://2130706433/',
        'http://localhost/',
        'http://169.254.169.254/',
      ]) {
        await expect(guarded.client.request('POST', '/v1/endpoints', { url })).rejects.toMatchObject({
          status: 422,
        });
      }
    } finally {
      await guarded.stop();
    }
  });
});

test('what needs no key: health, readiness, metrics, OpenAPI, and the page of every error', async () => {
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
    expect((await fetch(server.url + path)).status).toBe(200);
  const { problem } = await post('/v1/events', '{}');
  const page = await fetch(new URL(String(problem['type']), server.url));
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('names each field by its JSON Pointer');
  expect((await fetch(`${server.url}/errors/no_such_code`)).status).toBe(404);
});

test('OpenAPI is transferred once', async () => {
  const first = await fetch(`${server.url}/openapi.json`);
  const document = (await first.json()) as { openapi: string; paths: Record<string, unknown> };
  expect(document.openapi).toBe('3.1.1');
  expect(document.paths).toHaveProperty('/v1/events/batch.post.requestBody');
  const headers = { 'if-none-match': first.headers.get('etag')! };
  expect((await fetch(`${server.url}/openapi.json`, { headers })).status).toBe(304);
});
