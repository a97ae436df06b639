import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { aSocksProxy } from '../proxies.ts';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

interface Page {
  readonly items: readonly {
    readonly state: string;
    readonly last_error: { readonly class: string; readonly message: string } | null;
  }[];
}

test('a server with a proxy sends through it; if it is unreachable, the fault is Posthorn’s and its password stays hidden', async () => {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    request.resume();
    seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
    response.end('ok');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  const server = await serve({ proxy: `http://user:secret@127.0.0.1:${port}` });
  const { client } = server;
  try {
    const url = 'http://receiver.example.com/hook';
    await client.request('POST', '/v1/endpoints', { url, retry: { schedule_s: [] } });
    const publish = () => client.request('POST', '/v1/events', { type: 'payment.succeeded', data: {} });
    const deliveries = async () => (await client.request<Page>('GET', '/v1/deliveries')).items;
    await publish();
    await until('it is delivered', async () =>
      (await deliveries()).some(({ state }) => state === 'delivered'),
    );
    expect(seen).toEqual([`${url} Basic ${Buffer.from('user:secret').toString('base64')}`]);

    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    await publish();
    await until('it has failed', async () => (await deliveries()).some(({ state }) => state === 'dead'));
    const dead = (await deliveries()).find(({ state }) => state === 'dead');
    expect(dead!.last_error).toMatchObject({
      class: 'internal',
      message: expect.stringContaining(`the proxy http://127.0.0.1:${port} cannot be reached`),
    });
    expect(JSON.stringify(await deliveries())).not.toContain('secret');
  } finally {
    await server.stop();
  }
});

test('a server with a SOCKS5 proxy sends through it', async () => {
  const receiver = await aReceiver();
  const proxy = await aSocksProxy(() => Number(new URL(receiver.url).port), 'user:secret');
  const server = await serve({ proxy: proxy.url.replace('://', '://user:secret@') });
  try {
    await server.client.request('POST', '/v1/endpoints', { url: 'http://93.184.216.34/hook' });
    await server.client.request('POST', '/v1/events', { type: 'payment.succeeded', data: {} });
    await until('it is received', () => receiver.requests.length === 1);
    expect(proxy.asked).toEqual(['93.184.216.34:80']);
  } finally {
    await server.stop();
    await proxy.close();
    await receiver.close();
  }
});
