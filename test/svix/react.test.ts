import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { Svix } from 'svix-v2';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../browser/chromium.ts';
import { apiKey } from '../integration/serving.ts';
import { until } from '../support.ts';
import { at, fresh, receivedAt, serverUrl, useServer } from './world.ts';

// The hooks of svix-react on a page of another origin, with the token of an app portal, in a real browser.

useServer();
let browser: Browser;
/** The client asks for `process`, which bundlers with polyfills give it. */
const document =
  '<script>process = {}</script><div id="root"></div><script type="module" src="/page.js"></script>';
/** The page's origin, which is not the server's. */
let origin: string;
let stop: () => void;

async function bundled(): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL('portal-page.js', import.meta.url)),
        formats: ['es'],
        fileName: 'page',
      },
    },
  });
  const [{ output: files }] = output as unknown as [{ output: { type: string; code: string }[] }];
  return files.find(({ type }) => type === 'chunk')!.code;
}

beforeAll(async () => {
  const script = await bundled();
  const pages = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : document);
  });
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
  stop = () => pages.close();
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  browser = await startChromium();
});
afterAll(async () => {
  await browser.close();
  stop();
});

interface Shown {
  readonly [name: string]: unknown;
  readonly done: { readonly name: string; readonly result?: unknown; readonly error?: string } | null;
}

const shownOn = async (page: Page): Promise<Shown> =>
  JSON.parse((await page.locator('#all').textContent())!) as Shown;

async function act(page: Page, name: string): Promise<unknown> {
  await page.evaluate(`act(${JSON.stringify(name)})`);
  await until(`${name} is done`, async () => (await shownOn(page)).done?.name === name);
  const { done } = await shownOn(page);
  expect(done!.error, name).toBeUndefined();
  return done!.result;
}

test('every hook shows what Posthorn has, and every function does what it says', async () => {
  const svix = new Svix(apiKey, { serverUrl: serverUrl() });
  const [app, type, path] = [fresh('portal'), fresh('order.paid'), `/${fresh('portal')}`];
  await svix.eventType.create({ name: type, description: 'Paid' });
  await svix.application.create({ name: 'Customer', uid: app });
  const endpoint = await svix.endpoint.create(app, { url: at(path), description: 'first' });
  for (const name of ['second', 'third'])
    await svix.endpoint.create(app, { url: at(`${path}-${name}`), description: name });
  const message = await svix.message.create(app, { eventType: type, payload: { order: 17 } });
  await until('it has arrived', () => receivedAt(path).length === 1);
  await until(
    'its attempts are listed',
    async () => (await svix.messageAttempt.listByMsg(app, message.id)).data.length === 3,
  );
  const { token } = await svix.authentication.appPortalAccess(app, {});

  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => {
    faults.push(String(error));
    console.log('PE', error.stack);
  });
  page.on('console', (m) => console.log('CONSOLE', m.text()));
  page.on('requestfailed', (r) => console.log('RF', r.url(), r.failure()?.errorText));
  page.on('response', (r) => console.log('R', r.status(), r.request().method(), r.url().slice(0, 140)));
  const search = new URLSearchParams({
    token,
    serverUrl: serverUrl(),
    app,
    endpoint: endpoint.id,
    message: message.id,
  });
  await page.goto(`${origin}/?${search.toString()}`);
  await page.locator('#all').waitFor({ timeout: 8000 });
  await until('every hook has its data', async () =>
    Object.values(await shownOn(page)).every((value) => value !== undefined),
  );
  await until('the last of them too', async () => 'messageAttempts' in (await shownOn(page)));
  const { key } = await svix.endpoint.getSecret(app, endpoint.id);
  expect(await shownOn(page)).toMatchObject({
    more: [false, true],
    endpoint: { id: endpoint.id, url: at(path), description: 'first' },
    secret: { key },
    headers: { headers: {}, sensitive: [] },
    stats: { success: 1, fail: 0 },
    attempts: [{ msgId: message.id, endpointId: endpoint.id, status: 0, responseStatusCode: 200 }],
    endpointMessages: [{ id: message.id, status: 0 }],
    messages: [{ id: message.id, eventType: type, payload: { order: 17 } }],
    message: { id: message.id, payload: { order: 17 } },
  });
  const first = await shownOn(page);
  expect(first['endpoints']).toHaveLength(2);
  expect(first['messageEndpoints']).toHaveLength(3);
  expect(first['messageAttempts']).toHaveLength(3);
  expect((first['eventTypes'] as { name: string }[]).map(({ name }) => name)).toContain(type);

  await act(page, 'next');
  await until(
    'the second page',
    async () => JSON.stringify((await shownOn(page))['more']) === '[true,false]',
  );
  expect((await shownOn(page))['endpoints']).toHaveLength(1);
  await act(page, 'back');
  await until(
    'the first page again',
    async () => JSON.stringify((await shownOn(page))['more']) === '[false,true]',
  );

  await act(page, 'fill');
  await until('the form has it', async () => (await shownOn(page))['filled'] === 'https://new.example/hook');
  const made = (await act(page, 'create')) as { id: string };
  expect(await svix.endpoint.get(app, made.id)).toMatchObject({
    url: 'https://new.example/hook',
    description: 'made by a customer',
  });

  await act(page, 'rotate');
  await act(page, 'headers');
  await act(page, 'reload');
  const rotated = (await svix.endpoint.getSecret(app, endpoint.id)).key;
  expect(rotated).not.toBe(key);
  // Values of headers are never answered, as those that Svix takes for sensitive.
  const both = JSON.stringify([{ key: rotated }, { headers: {}, sensitive: ['x-shop'] }]);
  await until('the page has both', async () => {
    const { secret, headers } = await shownOn(page);
    return JSON.stringify([secret, headers]) === both;
  });

  await act(page, 'resend');
  await until('it has arrived again', () => receivedAt(path).length === 2);
  await act(page, 'recover');
  await act(page, 'update');
  expect((await svix.endpoint.get(app, endpoint.id)).url).toBe('https://moved.example/hook');
  await act(page, 'delete');
  await expect(svix.endpoint.get(app, endpoint.id)).rejects.toMatchObject({ code: 404 });
  expect(faults).toEqual([]);
  await page.close();
});
