import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runHere } from './run-here.ts';
import { apiKey, serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve();
});
afterAll(() => server.stop());

const url = 'http://127.0.0.1:1/';

test('a filter with a fault is refused with the path of each, and nothing is stored', async () => {
  const { request } = server.client;
  const filter = { '/amount': { gte: 1000, above: 1 }, any: [{ '/a': 1 }, { currency: 'eur' }] };
  const refusal = {
    status: 422,
    errors: [{ path: '/filter/~1amount/above' }, { path: '/filter/any/1/currency' }],
  };
  await expect(request('POST', '/v1/endpoints', { url, filter })).rejects.toMatchObject(refusal);
  const { id } = await request<{ id: string }>('POST', '/v1/endpoints', { url, tenant: 'f' });
  await expect(request('PATCH', `/v1/endpoints/${id}`, { filter })).rejects.toMatchObject(refusal);
  await expect(request('PUT', '/v1/endpoints/named', { url, filter })).rejects.toMatchObject(refusal);
  expect(await request('GET', `/v1/endpoints/${id}`)).toMatchObject({ filter: null });
});

test('filters decide which endpoints get an event, after every change', async () => {
  const { request } = server.client;
  const tenant = 'g';
  const publish = async (data: unknown) =>
    (await request<{ deliveries: number }>('POST', '/v1/events', { tenant, type: 'a.b', data })).deliveries;
  const filter = { '/amount': { gte: 1000 }, '/currency': { in: ['eur', 'usd'] } };
  const { id } = await request<{ id: string }>('POST', '/v1/endpoints', { url, tenant, filter });
  expect(await request('GET', `/v1/endpoints/${id}`)).toMatchObject({ filter });
  expect(await publish({ amount: 1000, currency: 'eur' })).toBe(1);
  expect(await publish({ amount: 999, currency: 'eur' })).toBe(0);
  await request('PATCH', `/v1/endpoints/${id}`, { filter: { not: filter } });
  expect(await publish({ amount: 1000, currency: 'eur' })).toBe(0);
  expect(await publish(null)).toBe(1);
});

test('a dry run says how many of the newest events would pass, and names some', async () => {
  const { request } = server.client;
  const tenant = 'h';
  for (let n = 0; n < 30; n++)
    await request('POST', '/v1/events', {
      id: `e${n}`,
      tenant,
      type: n < 10 ? 'old.x' : 'new.x',
      data: { n },
    });
  const dryRun = async (body: object) =>
    await request<Record<string, unknown>>('POST', '/v1/filters/dry-run', { tenant, ...body });
  expect(await dryRun({ filter: { '/n': { gte: 25 } } })).toMatchObject({
    examined: 30,
    passed: 5,
    failed: 25,
    passed_ids: ['e29', 'e28', 'e27', 'e26', 'e25'],
    failed_ids: ['e24', 'e23', 'e22', 'e21', 'e20', 'e19', 'e18', 'e17', 'e16', 'e15'],
    complete: true,
  });
  expect(await dryRun({ filter: {}, event_types: ['old.*'] })).toMatchObject({ examined: 10, passed: 10 });
  expect(await dryRun({ filter: {}, last: 3 })).toMatchObject({ examined: 3, complete: false });
  expect(await dryRun({ filter: {}, tenant: 'absent' })).toMatchObject({ examined: 0, newest_at: null });
  expect(await dryRun({ filter: { '/n': 1 }, data: { n: 1 } })).toMatchObject({ examined: 1, passed: 1 });
  for (const [body, path] of [
    [{ filter: { n: 1 } }, '/filter/n'],
    [{ filter: {}, last: 1001 }, '/last'],
    [{ filter: {}, tenant: 'posthorn' }, '/tenant'],
    [{ filter: {}, data: 1, last: 1 }, '/data'],
  ] as const)
    await expect(dryRun(body)).rejects.toMatchObject({ status: 422, errors: [{ path }] });
});

test('G9: a key that does not see payloads in full cannot test filters on stored events', async () => {
  const { key } = await server.client.request<{ key: string }>('POST', '/v1/keys', {
    name: 'reader',
    scopes: ['read', 'operate'],
    payloads: 'masked',
  });
  const call = async (path: string, body: object) =>
    (
      await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    ).status;
  const transformation = { language: 'jsonata', expression: '$' };
  expect(await call('/v1/filters/dry-run', { filter: {}, tenant: 'h' })).toBe(403);
  expect(await call('/v1/filters/dry-run', { filter: {}, data: 1 })).toBe(200);
  expect(await call('/v1/transformations/dry-run', { transformation, event_id: 'e1', tenant: 'h' })).toBe(
    403,
  );
  expect(await call('/v1/transformations/dry-run', { transformation, data: 1 })).toBe(200);
});

test('the command line tries filters and transformations', async () => {
  vi.stubEnv('POSTHORN_URL', server.url);
  vi.stubEnv('POSTHORN_API_KEY', apiKey);
  const filter = '{"/n": {"gte": 25}}';
  expect(await runHere('filters', 'dry-run', filter, '--tenant', 'h', '--last', '10')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^5 of 10 events pass, .*\npass: e29, .*\ndo not pass: e24, /),
  });
  expect(await runHere('filters', 'dry-run', '{')).toMatchObject({ code: 2 });
  expect(
    await runHere('transformations', 'dry-run', 'n + 1', '--event', 'e1', '--tenant', 'h'),
  ).toMatchObject({
    code: 0,
    out: '2\n',
  });
  expect(await runHere('transformations', 'dry-run', 'n + "x"', '--data', '{"n": 1}')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/T2002/),
  });
  expect(await runHere('transformations', 'dry-run', 'n')).toMatchObject({ code: 2 });
  vi.unstubAllEnvs();
});
