import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import { aMonth } from './objectives-history.ts';
import { browserSuite, expectNoOverflow } from './support.ts';

// Objectives, and the page of one that two teams share.

const suite = browserSuite({ dataDir: await aMonth() });

const ready = async (page: Page): Promise<void> => {
  await page.getByRole('heading', { level: 1, name: /[Kk]ept/ }).waitFor();
  await page.getByRole('heading', { name: 'What spent it' }).waitFor();
  await page
    .getByText(/false a week/)
    .first()
    .waitFor();
};

test('the list has the least budget left first, and filters by team in its URL', async () => {
  const page = await suite.open('/objectives');
  await page.getByRole('heading', { level: 1, name: /1 of 4 objectives is not kept/ }).waitFor();
  const names = (): Promise<string[]> => page.locator('.slo-what a').allInnerTexts();
  expect((await names()).slice(0, 2)).toEqual(['ledger-in-time', 'payments-in-time']);
  await page.getByRole('combobox', { name: 'Team' }).selectOption('finance');
  await expect.poll(names).toEqual(['ledger-in-time']);
  expect(page.url()).toMatch(/team=finance$/);
  await page.goBack();
  await expect.poll(async () => (await names()).length).toBe(4);
  await page.getByRole('link', { name: 'ledger-in-time' }).click();
  // Overspent: said by the heading, by the side whose fault it is, and by no other.
  await page
    .getByRole('heading', { level: 1, name: /Not kept: 99\.\d+% .* The receiver, finance, spent/ })
    .waitFor();
  await page.getByText('overspent', { exact: false }).first().waitFor();
  expect(await page.getByRole('region', { name: 'payments sends' }).innerText()).toContain('100% left');
});

test('what the page says is what the API says, and a row leads to its deliveries', async () => {
  const page = await suite.open('/objectives/payments-in-time');
  await ready(page);
  const { client } = suite.server;
  const status = await client.request<Answer<'slos.status'>>('GET', '/v1/slos/payments-in-time/status');
  const { sender, receiver } = status.sides;
  for (const [name, side] of [
    ['payments sends', sender],
    ['shop receives', receiver],
  ] as const)
    expect(await page.getByRole('region', { name }).innerText()).toContain(
      `${side.bad} spent, ${Math.floor(side.budget + 1e-6)} allowed`,
    );
  const spend = await client.request<Answer<'slos.spend'>>('GET', '/v1/slos/payments-in-time/spend');
  expect(spend.items.reduce((sum, { bad }) => sum + bad, 0)).toBe(sender.bad + receiver.bad);
  const table = page.getByRole('table', { name: /What spent the budgets/ });
  expect(await table.getByRole('row').count()).toBe(spend.items.length + 1);
  const href = await table.getByRole('link').first().getAttribute('href');
  const { endpoint_id: endpoint, error_class: cause } = Object.fromEntries(
    new URL(href!, page.url()).searchParams,
  );
  expect([endpoint, cause]).toEqual(['ep_orders', 'http_5xx']);
});

test('a backtest: sliders, incidents and gate change both costs; the rules are in the URL and as YAML', async () => {
  const page = await suite.open('/objectives/payments-in-time');
  await ready(page);
  const noticed = page.locator('.backtest-costs > div').nth(1).locator('.figure');
  const before = await noticed.innerText();
  expect(before).toMatch(/^\d/);
  const factor = page.getByRole('slider', { name: /^fires above/ }).nth(1);
  await factor.focus();
  for (let step = 0; step < 12; step++) await page.keyboard.press('ArrowLeft');
  await page.getByRole('checkbox', { name: 'no gate' }).check();
  await page.getByText('with the rules that are watched').first().waitFor();
  await expect.poll(() => noticed.innerText()).not.toBe(before);
  expect(page.url()).toContain('rules=');
  await page.getByText('These rules as YAML').click();
  expect(await page.locator('.backtest-yaml pre').innerText()).toContain('kind: burn_rate');
  const changed = await noticed.innerText();
  await page.reload();
  await ready(page);
  await expect.poll(() => noticed.innerText()).toBe(changed);
  // Without an incident every alarm is for nothing.
  while ((await page.getByRole('button', { name: /^Remove incident/ }).count()) > 0)
    await page
      .getByRole('button', { name: /^Remove incident/ })
      .first()
      .click();
  await expect.poll(() => noticed.innerText()).toBe('no incident');
  const plot = page.locator('.incident-plot svg');
  await plot.scrollIntoViewIfNeeded();
  const box = (await plot.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Remove incident 1' }).waitFor();
  expect(page.url()).toContain('incidents=');
});

test('an alert is acknowledged with a note that both teams read', async () => {
  const page = await suite.open('/objectives/ledger-in-time');
  await page.getByRole('button', { name: 'Acknowledge…' }).first().waitFor({ timeout: 90_000 });
  await page.getByText('Not acknowledged yet').first().waitFor();
  await page.getByRole('button', { name: 'Acknowledge…' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Acknowledge this alert' });
  await dialog.getByRole('textbox').fill('<b>finance</b> restarts it \u202e');
  await dialog.getByRole('combobox').selectOption('4');
  await dialog.getByRole('button', { name: 'Acknowledge' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('“<b>finance</b> restarts it ⟨U+202E⟩”').waitFor();
  await page.getByText(/Acknowledged by admin key/).waitFor();
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).click();
  await page.getByText('No longer acknowledged').waitFor();
  await page.getByText(/Acknowledged by admin key/).waitFor({ state: 'detached' });
});

test('a panel that fails leaves the page alone, and says what to do', async () => {
  const page = await suite.open('/objectives', { statuses: [500] });
  await page.route('**/v1/slos/*/spend', (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({ code: 'internal', detail: 'The disk is slow today.', request_id: 'req_1' }),
    }),
  );
  await page.getByRole('link', { name: 'payments-in-time' }).click();
  await page.getByText('The disk is slow today.').waitFor();
  await page.getByRole('region', { name: 'shop receives' }).waitFor();
  await page.unroute('**/v1/slos/*/spend');
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await page.getByRole('table', { name: /What spent the budgets/ }).waitFor();
});

test('a key that only reads sees everything, and sees what acknowledging takes; a tenant’s key sees no objective (G9)', async () => {
  const make = async (fields: object): Promise<string> =>
    (
      await suite.server.client.request<{ key: string }>('POST', '/v1/keys', {
        name: 'x',
        scopes: ['read'],
        ...fields,
      })
    ).key;
  const page = await suite.open('/objectives/ledger-in-time', { key: await make({}) });
  const button = page.getByRole('button', { name: /^(Acknowledge|Change note)…/ }).first();
  await button.waitFor({ timeout: 90_000 });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  expect(await button.getAttribute('title')).toContain('this takes operate');
  const bound = await suite.open('/objectives/ledger-in-time', {
    key: await make({ tenant: 'default' }),
    statuses: [403],
  });
  await bound.getByText('Your key does not show this', { exact: false }).first().waitFor();
});

test('nothing declared says how to declare; what is not there says so', async () => {
  const page = await suite.open('/deliveries', { statuses: [404] });
  await page.route('**/v1/slos?*', (route) => route.fulfill({ json: { items: [], next_cursor: null } }));
  await page.goto('/objectives');
  await page.getByText('posthorn apply').waitFor();
  await page.goto('/objectives/none');
  await page.getByText('objective by that name', { exact: false }).first().waitFor();
});

test('both pages fit a window of 320 pixels', async () => {
  for (const [path, ready1] of [
    ['/objectives', (page: Page) => page.getByRole('link', { name: 'payments-in-time' }).waitFor()],
    ['/objectives/payments-in-time', ready],
  ] as const) {
    const page = await suite.open(path, { width: 320 });
    await ready1(page);
    await expectNoOverflow(page);
  }
});
