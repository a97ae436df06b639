import { Buffer } from 'node:buffer';
import type { Page } from 'playwright-core';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { browserSuite, expectAccessible, expectGoodViews, picture } from './support.ts';

// What a receiver missed: its list, in this browser, beside what was sent; and the portal that it comes by.

const suite = browserSuite();
let receiver: Awaited<ReturnType<typeof aReceiver>>;
let endpointId: string;
let fails = true;
const ids = Array.from({ length: 60 }, (_, n) => `order-${n}`);
const has = (n: number): boolean => n < 56 && n % 20 !== 3;
const list = [...ids.filter((_, n) => has(n)), 'never-sent'].join('\n');

interface Made {
  readonly id: string;
  readonly token: string;
}

beforeAll(async () => {
  receiver = await aReceiver((request, response) => {
    response.statusCode = fails && request.body.includes('"fails":true') ? 500 : 200;
    response.end('{}');
  });
  const { client } = suite.server;
  const made = await client.request<Made>('POST', '/v1/endpoints', {
    url: receiver.url,
    tenant: 'kestrel',
    name: 'orders',
    description: 'Orders wait for it',
    event_types: ['order.paid'],
    retry: { schedule_s: [] },
  });
  endpointId = made.id;
  await client.request('PUT', '/v1/event-types/order.paid', {
    description: 'An order was paid',
    schema: { type: 'object', required: ['n'] },
  });
  await client.request('POST', '/v1/events/batch', {
    events: ids.map((id, n) => ({
      id,
      tenant: 'kestrel',
      type: 'order.paid',
      data: { n, fails: n >= 56 },
      value: { amount_minor: 1000 + n, currency: n % 2 === 0 ? 'EUR' : 'JPY' },
    })),
  });
  await until('all have ended', async () => {
    const { items } = await client.request<{ items: unknown[] }>('GET', '/v1/deliveries?state=pending');
    return items.length === 0;
  });
});
afterAll(async () => {
  await receiver.close();
});

const choose = async (page: Page, text: string): Promise<void> =>
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'ids.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });

test('a file of ids is compared: the equation, what is missing with its worth, what was never sent, and sending it again', async () => {
  const page = await suite.open(`/missed?endpoint_id=${endpointId}&last=1h`);
  await choose(page, `at,webhook_id\n${list.replaceAll(/^/gm, '2026,')}`);
  await page
    .getByRole('heading', { level: 1, name: /The receiver has 53 of 60\. 7 are missing, worth/ })
    .waitFor();
  const text = await page.locator('main').innerText();
  expect(text).toContain('worth ¥5,185 and €21.14');
  expect(text).toContain('1 was never sent');
  expect(text).toContain('never-sent');
  expect(await page.getByRole('table', { name: 'Missing deliveries' }).getByRole('row').count()).toBe(8);
  await expectAccessible(page);
  await picture(page, 'missed-result');
  fails = false;
  await page.getByRole('button', { name: 'Send 7 again…' }).click();
  await picture(page, 'missed-send-again');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Send them' }).click();
  // As jobs of the server, which this page only looks at.
  await page
    .getByRole('link', { name: /^The re(play|drive)$/ })
    .first()
    .waitFor();
  await page.goto('/missed');
  await until('all have come again', () => {
    const counts = new Map<string, number>();
    for (const { headers } of receiver.requests) {
      const id = String(headers['webhook-id']);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return ids.every((id, n) => counts.get(id) === (has(n) ? 1 : 2));
  });
  fails = true;
});

test('pasted ids, by keyboard alone', async () => {
  const page = await suite.open(`/missed?endpoint_id=${endpointId}&by=paste`);
  await page.getByLabel('Ids, one a line').focus();
  await page.keyboard.insertText('order-1\norder-2');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /The receiver has 2 of/ }).waitFor();
});

test('a file that is none is refused with its line, and nothing is sent', async () => {
  const page = await suite.open(`/missed?endpoint_id=${endpointId}`);
  await choose(page, 'a,b\n1,2\n');
  await page.getByText('Line 1 has several columns').waitFor();
});

test('a receiver comes by its link: its own in its own words, and no more', async () => {
  const { token } = await suite.server.client.request<Made>('POST', '/v1/portal-links', {
    tenant: 'kestrel',
    can: ['redrive', 'replay'],
  });
  const page = await suite.open(`/portal#t=${token}`, { key: null });
  await page.locator('.sentence h1').waitFor();
  expect(page.url()).not.toContain('phl_');
  expect(await page.locator('main').innerText()).toMatch(/reached you/);
  await page.getByText('An order was paid').waitFor();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Compare with what you processed' }).click();
  await choose(page, list);
  await page.getByRole('heading', { level: 1, name: /You have \d+ of/ }).waitFor();
  await page.goto('/settings/keys');
  await page.locator('.sentence h1').waitFor();
  expect(await page.locator('main').innerText()).not.toContain('phk_');
  // It does not open another's.
  await page.goto('/portal#t=phl_wrong');
  await page.reload();
});

test('a link that has ended says so, and asks for no key', async () => {
  const page = await suite.open('/portal#t=phl_wrong', { key: null });
  await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
  await expectAccessible(page);
});

test('an admin makes a link for a receiver, and it opens', async () => {
  const page = await suite.open('/portal');
  await page.getByLabel('Tenant').fill('kestrel');
  await page.getByRole('button', { name: 'Make the link' }).click();
  const url = await page.locator('.portal-link').innerText();
  expect(url).toContain('/portal#t=phl_');
  await expectAccessible(page);
  const other = await suite.open(new URL(url).pathname + new URL(url).hash, { key: null });
  await other.getByRole('heading', { name: 'Your endpoints' }).waitFor();
});

test('the views are good', async () => {
  await expectGoodViews(suite, `/missed?endpoint_id=${endpointId}`, {
    name: 'missed',
    ready: async (page) => await page.getByText('Drop a file here').waitFor(),
  });
  await expectGoodViews(suite, '/portal', {
    name: 'portal-link',
    ready: async (page) => await page.getByText('Make the link').waitFor(),
  });
}, 240_000);
