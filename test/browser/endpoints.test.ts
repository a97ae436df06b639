import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiKey } from '../integration/serving.ts';
import { aReceiver, until } from '../support.ts';
import { browserSuite, expectAccessible, expectGoodViews } from './support.ts';

// Endpoints: the list, one with its diagnosis, a new one.

const suite = browserSuite({ allowPrivateNetworks: true });
let receiver: Awaited<ReturnType<typeof aReceiver>>;
const ids = new Map<string, string>();

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(suite.server.url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await response.json()) as T;
}

beforeAll(async () => {
  receiver = await aReceiver(({ path }, response) => {
    const status = Number(/\/status\/(\d+)/.exec(path)?.[1] ?? 200);
    response.statusCode = status;
    response.end(status === 200 ? 'ok' : '<script>alert(1)</script> database is restarting');
  });
});
afterAll(async () => {
  await receiver.close();
});

test('first run: without endpoints, the page says how to make one', async () => {
  const page = await suite.open('/endpoints');
  await page.getByRole('heading', { level: 1, name: /No endpoints yet/ }).waitFor();
  await page.getByText('Say where webhooks go').first().waitFor();
  await page.getByText(`curl ${suite.server.url}/v1/endpoints`).waitFor();
  await expectGoodViews(suite, '/endpoints', {
    name: 'endpoints-first-run',
    ready: (view) => view.getByRole('heading', { level: 1, name: /No endpoints yet/ }).waitFor(),
  });
});

test('a new endpoint: its URL is checked while typing, its secret is shown once, and a test is answered', async () => {
  await api('PUT', '/v1/teams/shop', { channels: [] });
  await api('PUT', '/v1/event-types/payment.succeeded', { owner: 'shop' });
  const page = await suite.open('/endpoints/new');
  const url = page.getByLabel('URL of the receiver');
  await url.fill('http://user:pass@example.com/');
  await page.getByText('This URL must not contain credentials').waitFor();
  await url.fill(receiver.url);
  await page.getByText('Posthorn may call it').waitFor();
  await page.getByLabel('payment.succeeded').waitFor();
  await page.getByLabel(/Or patterns/).fill('payment');
  await page.getByText('payment matches nothing that was seen or declared.').waitFor();
  await page.getByRole('button', { name: 'payment.*' }).click();
  await page.getByText(/takes 1 known type/).waitFor();
  await page.getByLabel(/Owner/).selectOption('shop');
  await page.getByLabel(/Template/).selectOption('payments-critical');
  await page.getByText(/It promises 99.9% delivered within 1 min/).waitFor();
  await page.getByRole('button', { name: 'Create the endpoint' }).click();
  await page.getByRole('heading', { level: 1, name: /is an endpoint now/ }).waitFor();
  await page.getByText(/^whsec_/).waitFor();
  await page.getByLabel('Code of the receiver').selectOption('Python');
  await page.getByText('from flask import Flask').waitFor();
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText(/It answered 200 in/).waitFor();
  const { items } = await api<{ items: { id: string; event_types: string[]; owner: string }[] }>(
    'GET',
    '/v1/endpoints',
  );
  expect(items).toMatchObject([{ event_types: ['payment.*'], owner: 'shop' }]);
  ids.set('works', items[0]!.id);
  await expectGoodViews(suite, '/endpoints/new', {
    name: 'endpoints-new',
    ready: (view) => view.getByLabel('payment.succeeded').waitFor(),
  });
});

test('the list says which endpoint needs attention, and one endpoint says why it fails', async () => {
  const base = new URL(receiver.url).origin;
  const { id } = await api<{ id: string }>('PUT', '/v1/endpoints/ledger', {
    url: `${base}/status/503`,
    event_types: ['payment.*'],
    description: 'Records <b>payments</b>',
  });
  for (let n = 0; n < 6; n++)
    await api('POST', '/v1/events', {
      id: `b${n}`,
      type: 'payment.succeeded',
      data: { n },
      value: { amount_minor: 12_900, currency: 'EUR' },
    });
  await until('the endpoint is known to fail', async () => {
    const { health } = await api<{ health: { state: string } }>('GET', `/v1/endpoints/${id}/health`);
    return health.state === 'failing';
  });
  const page = await suite.open('/endpoints');
  await page.getByRole('heading', { level: 1, name: 'Of 2 endpoints, 1 fails every attempt.' }).waitFor();
  const rows = page.getByRole('row');
  expect(await rows.nth(1).textContent()).toContain('failing');
  await page.getByLabel('State').selectOption('healthy');
  await page.getByRole('heading', { level: 1, name: 'All 1 endpoint takes what it is sent.' }).waitFor();
  expect(page.url()).toContain('state=healthy');
  await expectAccessible(page);

  await page.goto('/endpoints');
  await page
    .getByRole('link', { name: new URL(base).host })
    .first()
    .click();
  await page.getByRole('heading', { level: 1, name: /has answered 503 to every attempt/ }).waitFor();
  await page.getByText(/Nothing is lost until/).waitFor();
  await page.getByText('<script>alert(1)</script> database is restarting').first().waitFor();
  await page.getByRole('table', { name: 'Newest deliveries' }).waitFor();
  await page.getByRole('heading', { name: 'Changes' }).waitFor();
  await expectAccessible(page);
});

test('a filter is tried on what came lately, the template is struck through where it does not hold, and changes come by themselves', async () => {
  const { id } = await api<{ id: string }>('PUT', '/v1/endpoints/fraud', {
    url: receiver.url,
    event_types: ['fraud.*'],
    template: 'payments-critical',
    timeout_ms: 4000,
  });
  for (let n = 0; n < 6; n++)
    await api('POST', '/v1/events', { id: `f${n}`, type: 'fraud.found', data: { n } });
  const page = await suite.open('/endpoints/fraud', { statuses: [422] });
  const settings = page.getByRole('region', { name: 'Settings' });
  await settings.locator('del', { hasText: /s$/ }).waitFor();
  expect(await settings.innerText()).toMatch(/10 s\s+4 s/);
  await settings.getByRole('button', { name: 'Try a filter…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Try a filter' });
  await dialog.getByLabel(/^Filter/).fill('{"/n": {"gte": 4}');
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText('This is not JSON').waitFor();
  await dialog.getByLabel(/^Filter/).fill('{"/n": {"gte": 4}}');
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText(/Of the newest 6 events of its types, 2 would have matched/).waitFor();
  await dialog.getByRole('link', { name: 'f5' }).waitFor();
  await dialog.getByLabel(/^Filter/).fill('{"n": 1}');
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByRole('alert').filter({ hasText: '/filter' }).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  // The stream brings it: nothing on the page asks again by itself so soon.
  await api('PATCH', `/v1/endpoints/${id}`, { description: 'changed elsewhere' });
  await settings.getByText('changed elsewhere').waitFor({ timeout: 90_000 });
  await suite.server.client.request('DELETE', `/v1/endpoints/${id}`);
});

test('an endpoint is tested, paused with a reason, resumed, and deleted after its host was typed', async () => {
  const id = ids.get('works')!;
  const page = await suite.open(`/endpoints/${id}`);
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page
    .getByRole('dialog')
    .getByText(/It answered 200 in/)
    .waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Pause…' }).click();
  await page.getByLabel(/Reason/).fill('migration');
  await page.getByRole('dialog').getByRole('button', { name: 'Pause', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: /has been paused .*"migration"/ }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('heading', { level: 1, name: /accepts what it is sent/ }).waitFor();
  await page.getByRole('button', { name: 'Rotate the secret…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate', exact: true }).click();
  await page
    .getByRole('dialog')
    .getByText(/^whsec_/)
    .waitFor();
  await page.keyboard.press('Escape');
  expect(await page.getByText(/^whsec_/).count()).toBe(0);
  await page.getByRole('button', { name: 'Delete…' }).click();
  const remove = page.getByRole('dialog').getByRole('button', { name: /^Delete/ });
  expect(await remove.getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel(/to confirm/).fill(new URL(receiver.url).host);
  await remove.click();
  await page.waitForURL(/\/endpoints$/);
  await page.getByRole('heading', { level: 1, name: /1 endpoint/ }).waitFor();
});
