import { afterAll, beforeAll, expect, test } from 'vitest';
import { closedAddresses, closedForms, closedNames, openHosts } from '../address-forms.ts';
import { serve } from './serving.ts';

let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  server = await serve({ allowPrivateNetworks: false });
});
afterAll(() => server.stop());

const statusOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => 'accepted',
    (error: { status?: number }) => error.status,
  );
const email = { kind: 'email', from: 'posthorn@example.com', to: ['ops@example.com'] };

test('G9: what may not be connected to cannot be declared, as an endpoint or as a channel', async () => {
  const { id } = await server.client.request<{ id: string }>('POST', '/v1/endpoints', {
    url: 'https://hooks.example.com/',
  });
  for (const host of [...closedAddresses, ...closedForms, ...closedNames]) {
    const url = `https://${host}:8443/hook`;
    const all = await Promise.all([
      statusOf(server.client.request('POST', '/v1/endpoints', { url })),
      statusOf(server.client.request('PATCH', `/v1/endpoints/${id}`, { url })),
      statusOf(server.client.request('PUT', '/v1/channels/a', { kind: 'webhook', url })),
      statusOf(server.client.request('PUT', '/v1/channels/a', { kind: 'slack', url })),
      statusOf(server.client.request('PUT', '/v1/channels/a', { ...email, server: `smtp://${host}:25` })),
    ]);
    expect(all, host).toEqual([422, 422, 422, 422, 422]);
  }
  expect(await server.client.request('GET', `/v1/endpoints/${id}`)).toMatchObject({
    url: 'https://hooks.example.com/',
  });
});

test('what may be connected to can be declared', async () => {
  for (const host of openHosts) {
    expect(
      await statusOf(
        server.client.request('PUT', '/v1/channels/b', { kind: 'webhook', url: `https://${host}/` }),
      ),
      host,
    ).toBe('accepted');
    expect(
      await statusOf(server.client.request('PUT', '/v1/channels/c', { ...email, server: `smtp://${host}` })),
      host,
    ).toBe('accepted');
  }
});
