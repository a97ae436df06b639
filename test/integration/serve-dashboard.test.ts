import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { buildDashboard } from '../../scripts/dashboard.ts';
import { serve } from './serving.ts';

// Where the dashboard is served, and where it is not.

const page = async (url: string): Promise<[status: number, isPage: boolean]> => {
  const response = await fetch(url);
  return [response.status, (await response.text()).includes('<title>Posthorn</title>')];
};

/** A port without a listener. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

test('GET / shows the dashboard, which needs no key; the API still does (G9)', async () => {
  await buildDashboard();
  const server = await serve();
  expect(await page(`${server.url}/`)).toEqual([200, true]);
  expect(await page(`${server.url}/deliveries/dlv_1`)).toEqual([200, true]);
  expect(await page(`${server.url}/v1/deliveries`)).toEqual([401, false]);
  await server.stop();
});

test('with --no-dashboard there is none', async () => {
  const server = await serve({ noDashboard: true });
  expect(await page(`${server.url}/`)).toEqual([401, false]);
  await server.stop();
});

test('with --dashboard-host it is there, with the API that it calls, and not where the API listens', async () => {
  await buildDashboard();
  const port = await freePort();
  const server = await serve({ dashboardHost: `127.0.0.1:${port}` as never });
  expect(await page(`${server.url}/`)).toEqual([401, false]);
  expect(await page(`http://127.0.0.1:${port}/`)).toEqual([200, true]);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  await server.stop();
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow('fetch failed');
});
