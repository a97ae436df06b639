import { beforeAll, expect, test } from 'vitest';
import { openHere } from '../../packages/posthorn/src/store/sqlite/open-here.ts';
import { anEndpoint, anEvent, tempDir } from '../support.ts';
import { settlementOf } from '../settlement.ts';
import { browserSuite } from './support.ts';

// Before and after a change, its markers and its report.

const hour = 3_600_000;
/** The change: four whole hours ago. */
const change = Math.floor(Date.now() / hour) * hour - 4 * hour;
const at = new Date(change).toISOString();
const value = { amountMinor: 1250n, currency: 'EUR' };
/** Three hours before and after may lie in different parts of the week's clock: that depends on when this runs. */
const sameTraffic = /^Both times (saw|did not see) the same traffic$/;

/** Three hours before the change with 12 dead letters of 240 an hour, and three after it with none. */
async function history(): Promise<string> {
  const dataDir = tempDir();
  const store = openHere({ dataDir });
  const endpoint = anEndpoint();
  await store.write.createEndpoint(endpoint);
  for (const [index, began] of [-3, -2, -1, 0, 1, 2].map((n) => change + n * hour + 60_000).entries()) {
    const events = Array.from({ length: 240 }, () => anEvent({ value }));
    await store.write.accept([events], {
      now: began,
      node: 'n',
      leaseMs: 0,
      defaultRoom: 0,
      room: new Map(),
    });
    const { deliveries } = await store.write.claim({
      endpointId: endpoint.id,
      shards: null,
      limit: 240,
      maxPayload: 1e9,
      now: began,
      leaseMs: 1000,
      node: 'n',
    });
    await store.write.settle(
      deliveries.map((delivery, n) =>
        settlementOf(delivery, index < 3 && n < 12 ? 'dead' : 'delivered', began + 100),
      ),
    );
  }
  await store.close();
  return dataDir;
}

const suite = browserSuite({ dataDir: await history() });
beforeAll(async () => {
  await suite.server.client.request('POST', '/v1/markers', {
    label: 'orders 4.12.0',
    at,
    url: 'https://ci.example/releases/4.12.0',
  });
  await suite.server.client.request('POST', '/v1/markers', {
    label: '<b>orders</b> is away \u202e',
    kind: 'incident',
    at: new Date(change - 2 * hour).toISOString(),
  });
});

test('the newest marker is compared first: the sentence, the rates, the money', async () => {
  const page = await suite.open('/impact');
  await page.getByRole('heading', { level: 1, name: '5% dropped before, none of 720 after' }).waitFor();
  await page.getByText('It is better, beyond chance.').waitFor();
  const dropped = page.getByRole('row', { name: /^dropped/ });
  await expect.poll(() => dropped.innerText()).toMatch(/36; 95%.*none of 720/s);
  await page.getByText(sameTraffic).waitFor();
  await page.getByRole('img', { name: /late or dropped, by/ }).waitFor();
});

test('a time is written, moved by keys and kept in the address; what cannot be compared says why', async () => {
  const page = await suite.open(`/impact?at=${at}`, { statuses: [422] });
  const field = page.getByLabel(/When the change came/);
  await field.fill('next week');
  await page.keyboard.press('Enter');
  await page.getByText('Write it as 2026-11-09 14:05.').waitFor();
  await field.fill(new Date(change - hour).toISOString().slice(0, 16));
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect.poll(() => page.url()).toContain(new Date(change - hour).toISOString().slice(0, 13));
  await page.getByRole('button', { name: 'An hour →' }).click();
  await page.getByRole('heading', { level: 1, name: '5% dropped before' }).waitFor();
  await page.locator('h1').click();
  await page.keyboard.press('[');
  await page.getByRole('heading', { level: 1, name: /^Nothing to compare around/ }).waitFor();
  await page.getByRole('listitem').filter({ hasText: 'there is not a whole hour on both sides' }).waitFor();
});

test('now as it was: the slider goes to another moment by keyboard, and the address keeps it', async () => {
  const page = await suite.open(`/impact?at=${at}`);
  const card = page.getByRole('region', { name: 'Now, as it was' });
  await card.getByText('36 notifications worth €450.00 would not arrive unless someone acted.').waitFor();
  expect(await card.getByRole('row', { name: /dead letter/ }).innerText()).toMatch(/36/);
  await card.getByText('36 dead letters at', { exact: false }).waitFor();
  await card.getByRole('slider').focus();
  await page.keyboard.press('Home');
  await card.getByText('No payment notification had been accepted in this time.').waitFor();
  expect(page.url()).toContain('moment=');
  await page.reload();
  await card.getByText('No payment notification had been accepted in this time.').waitFor();
});

test('markers: others’ text stays text, one is added and deleted, each leads to its before and after', async () => {
  const page = await suite.open(`/impact?at=${at}`);
  await page.getByRole('link', { name: '<b>orders</b> is away ⟨U+202E⟩' }).waitFor();
  await page.getByRole('button', { name: 'Add a marker…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a marker' });
  await dialog.getByLabel('What happened').fill('certificate renewed');
  await dialog.getByLabel('Kind').selectOption('change');
  await dialog.getByLabel(/^When/).fill(new Date(change + hour).toISOString());
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'certificate renewed' }).click();
  await page.getByRole('heading', { level: 1, name: /dropped before/ }).waitFor();
  expect(page.url()).toContain('at=');
  await page.getByRole('button', { name: 'Delete the marker certificate renewed' }).click();
  await page.getByRole('link', { name: 'certificate renewed' }).waitFor({ state: 'detached' });
});

test('the report is saved as Markdown, as a page and as JSON', async () => {
  const page = await suite.open(`/impact?at=${at}`);
  for (const [name, file] of [
    ['Markdown', 'impact.md'],
    ['Page', 'impact.html'],
    ['JSON', 'impact.json'],
  ] as const) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name, exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(file);
  }
});

test('who may only read sees why there is nothing to add', async () => {
  const { key } = await suite.server.client.request<{ key: string }>('POST', '/v1/keys', {
    name: 'reader',
    scopes: ['read'],
  });
  const page = await suite.open(`/impact?at=${at}`, { key });
  const add = page.getByRole('button', { name: /Add a marker/ });
  await add.waitFor();
  expect(await add.getAttribute('aria-disabled')).toBe('true');
  expect(await add.getAttribute('title')).toContain('operate');
});
