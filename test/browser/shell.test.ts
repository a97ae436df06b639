import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { apiKey } from '../integration/serving.ts';
import { browserSuite } from './support.ts';

// What stands around every page: signing in and out, the address bar, keys, theme and zone.

const suite = browserSuite();

test('who is not signed in sees one field, and gets in with a key', async () => {
  const page = await suite.open('/', { key: null });
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('API key').fill('phk_wrong');
  await page.keyboard.press('Enter');
  await page.getByText('That key is not valid').waitFor();
  await page.getByLabel('API key').fill(apiKey);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Menu' }).waitFor();
  // The cookie outlives the page; the key is nowhere in it.
  await page.reload();
  await page.getByRole('button', { name: 'Menu' }).click();
  expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('phk_');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('a link with a key signs in, and the key leaves the address bar and the history (G9)', async () => {
  const page = await suite.open(`/sign-in#k=${apiKey}`, { key: null });
  await page.getByRole('button', { name: 'Menu' }).waitFor();
  expect(page.url()).not.toContain('phk_');
  await page.goBack();
  expect(page.url()).not.toContain('phk_');
});

test('a session that ends elsewhere leads back to signing in', async () => {
  const page = await suite.open('/', { statuses: [401] });
  await page.getByRole('button', { name: 'Menu' }).waitFor();
  await page.context().clearCookies();
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('keys: the list of them, the zone, and none while the user types or has turned them off', async () => {
  const page = await suite.open('/');
  const zone = page.locator('.zone');
  await zone.waitFor();
  await page.keyboard.press('z');
  await expect.poll(() => zone.innerText()).toBe('Local');
  await page.keyboard.press('?');
  const list = page.getByRole('dialog', { name: 'Keyboard' });
  await list.waitFor();
  await page.keyboard.press('Escape');
  await list.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('checkbox', { name: 'Single letters act' }).uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('z');
  expect(await zone.innerText()).toBe('Local');
});

test('a theme that was chosen wins over the system’s, and is there after a reload', async () => {
  const page = await suite.open('/', { theme: 'light' });
  const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole('button', { name: 'Menu' }).click();
  expect(await ground()).toBe('rgb(246, 247, 249)');
  await page.getByRole('radio', { name: 'Dark' }).check();
  expect(await ground()).toBe('rgb(14, 18, 22)');
  await page.reload();
  await page.getByRole('button', { name: 'Menu' }).waitFor();
  expect(await ground()).toBe('rgb(14, 18, 22)');
});

test('a database that is away: the last numbers stay, with their time, until it is back', async () => {
  const page = await suite.open('/settings/keys', { statuses: [503] });
  await page.getByText('No key was made yet.').waitFor();
  await page.goto('/endpoints');
  await page.getByRole('heading', { level: 1, name: /No endpoints yet/ }).waitFor();
  const problem = {
    type: 'about:blank',
    title: 'x',
    status: 503,
    code: 'unavailable',
    detail: 'away',
    request_id: 'r',
  };
  await page.route('**/v1/accounting*', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
  );
  const band = page.getByText(/cannot read its database now/);
  await band.waitFor();
  expect(await band.innerText()).toMatch(/as of \d\d:\d\d:\d\d/);
  await page.getByRole('heading', { level: 1, name: /No endpoints yet/ }).waitFor();
  await page.unroute('**/v1/accounting*');
  await band.waitFor({ state: 'detached' });
});

test('[ and ] go to the time before and after, and a copied link keeps the times', async () => {
  const page = await suite.open('/settings/log?last=24h');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('group', { name: 'Time' }).waitFor();
  await page.keyboard.press('[');
  await expect.poll(() => page.url()).toMatch(/since=.*until=/);
  const lengthOf = (url: string): number => {
    const query = new URL(url).searchParams;
    return Date.parse(query.get('until')!) - Date.parse(query.get('since')!);
  };
  expect(lengthOf(page.url())).toBeGreaterThanOrEqual(24 * 3_600_000);
  await page.goto('/settings/log?last=24h');
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByText('Copied').waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).not.toContain('last=');
  expect(lengthOf(copied)).toBeGreaterThanOrEqual(24 * 3_600_000);
});

test('a page that does not exist says so', async () => {
  const page = await suite.open('/deliveries/a/b/c');
  await page.getByText('There is no such page').waitFor();
});

test('nothing is loaded from elsewhere, and the first load is within its budget', async () => {
  const page = await suite.open('/healthz', { key: null });
  const origins = new Set<string>();
  let scriptBytes = 0;
  page.on('response', (response) => {
    origins.add(new URL(response.url()).origin);
  });
  page.on('requestfinished', (request) => {
    if (request.resourceType() !== 'script') return;
    void request.sizes().then(({ responseBodySize }) => (scriptBytes += responseBodySize));
  });
  await page.goto('/');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect([...origins]).toEqual([suite.server.url]);
  await expect.poll(() => scriptBytes).toBeGreaterThan(10_000);
  expect(scriptBytes).toBeLessThan(160_000);
});

test('budgets: a page’s own script, all style sheets together, and the typeface', () => {
  const assets = join(import.meta.dirname, '../../packages/dashboard/dist/assets');
  const files = readdirSync(assets);
  const bytesOf = (name: string): number => statSync(join(assets, name)).size;
  const first = readFileSync(join(assets, '../index.html'), 'utf8');
  const own = files.filter((name) => name.endsWith('.js') && !first.includes(name));
  expect(own.length).toBeGreaterThan(20);
  const gzipBytesOf = (name: string): number => gzipSync(readFileSync(join(assets, name))).length;
  expect(own.filter((name) => gzipBytesOf(name) > 20_000)).toEqual([]);
  const styles = files.filter((name) => name.endsWith('.css'));
  const style = Buffer.concat(styles.map((name) => readFileSync(join(assets, name))));
  expect(gzipSync(style).length).toBeLessThan(12_000);
  const fonts = files.filter((name) => name.endsWith('.woff2'));
  expect(fonts.map(bytesOf).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(49_152);
});
