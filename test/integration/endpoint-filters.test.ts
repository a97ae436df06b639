import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from './serving.ts';

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
