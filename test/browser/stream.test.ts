import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { serve } from '../integration/serving.ts';
import { until } from '../support.ts';
import { browserSuite } from './support.ts';

// Live numbers: one stream for a whole browser, which survives the end of the server.

const suite = browserSuite();
const live = (page: Page) => page.locator('.live').first();

test('a browser has one stream, however many tabs are open, and each tab hears of what it shows', async () => {
  const { client } = suite.server;
  const streams: string[] = [];
  const first = await suite.open('/settings/keys');
  first.context().on('request', (request) => {
    if (request.url().includes('/v1/stream')) streams.push(request.url());
  });
  await expect.poll(() => live(first).innerText()).toContain('live');
  const second = await suite.openBeside(first, '/settings/channels');
  await expect.poll(() => live(second).innerText()).toContain('live');
  // That of the first tab may have been opened before anybody listened.
  const before = streams.length;
  expect(before).toBeLessThanOrEqual(1);
  await client.request('POST', '/v1/keys', { name: 'made elsewhere', scopes: ['read'] });
  await first.close();
  await until('the other tab takes its place', () => streams.length === before + 1);
  await expect.poll(() => live(second).innerText()).toContain('live');
});

test('Space pauses, and again lets go on', async () => {
  const page = await suite.open('/settings/keys');
  await expect.poll(() => live(page).innerText()).toContain('live');
  await page.keyboard.press('Space');
  expect(await live(page).innerText()).toContain('paused by you');
  await page.keyboard.press('Space');
  await expect.poll(() => live(page).innerText()).toContain('live');
});

test('a server that is killed under an open page: stale after 5 s, live within 2 s of its return, and what is shown is asked for again', async () => {
  const server = await serve();
  const port = Number(new URL(server.url).port);
  const context = await suite.browser.newContext({ baseURL: server.url, locale: 'en-US' });
  const page = await context.newPage();
  await context.request.post('/v1/sessions', { data: { key: 'phk_test_0123456789abcdef' } });
  await page.goto('/settings/keys');
  await expect.poll(() => live(page).innerText()).toContain('live');
  await page.getByText('No key was made yet.').waitFor();
  await server.stop();
  await page.locator('.live', { hasText: 'reconnecting' }).waitFor();
  await page.locator('.live', { hasText: 'stale' }).waitFor({ timeout: 90_000 });
  // What was read stays.
  await page.getByText('No key was made yet.').waitFor();
  const again = await serve({ port, dataDir: server.dataDir });
  await again.client.request('POST', '/v1/keys', { name: 'made meanwhile', scopes: ['read'] });
  await page.locator('.live', { hasText: '● live' }).waitFor();
  await page.getByText('made meanwhile').waitFor();
  expect(await page.getByText('made meanwhile').count()).toBe(1);
  await context.close();
  await again.stop();
});
