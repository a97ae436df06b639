import { beforeAll, expect, test } from 'vitest';
import { browserSuite, expectAccessible, expectGoodViews, expectNoOverflow, picture } from './support.ts';

// Settings: lists of what is declared, and keys, which are made here.

const suite = browserSuite();
beforeAll(async () => {
  const { client } = suite.server;
  const put = (path: string, body: unknown): Promise<unknown> => client.request('PUT', path, body);
  await put('/v1/channels/ops', { kind: 'slack', url: 'https://hooks.example.com/services/x' });
  await put('/v1/channels/mail', {
    kind: 'email',
    server: 'smtp://127.0.0.1:1',
    from: 'posthorn@example.com',
    to: ['ines@example.com', 'mara@example.com'],
  });
  await put('/v1/teams/payments', { channels: ['ops'] });
  await put('/v1/templates/orders', {
    description: 'Orders wait for it',
    timeout_ms: 10_000,
    deliver_within_s: 120,
    retry: { schedule_s: [5, 30, 300] },
  });
  await put('/v1/event-types/payment.succeeded', {
    description: 'A payment was captured',
    owner: 'payments',
    template: 'orders',
    schema: { type: 'object', required: ['amount'] },
    value: { amount: '/amount', currency: '/currency' },
  });
  await put('/v1/event-types/refund.updated', {});
  for (const [name, scopes] of [
    ['checkout, production', ['publish']],
    ['grafana', ['read']],
    ['on call: ines', ['read', 'operate']],
  ] as const)
    await client.request('POST', '/v1/keys', {
      name,
      scopes,
      ...(name === 'grafana' ? { expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString() } : {}),
    });
});

test('a key is made, shown once, rotated, and revoked after its name was typed', async () => {
  const page = await suite.open('/settings/keys');
  await page.getByRole('heading', { level: 1, name: /3 keys work; 1 ends this week/ }).waitFor();
  await page.getByRole('button', { name: 'New key…' }).click();
  await page.getByLabel('What it is for').fill('deploys <b>');
  await page.getByLabel(/change, redrive, replay/).check();
  await picture(page, 'settings-new-key');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Make the key' }).click();
  const key = await page.locator('.settings-secret').innerText();
  expect(key).toMatch(/^phk_/);
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Close' }).click();
  expect(await page.content()).not.toContain(key);
  const me = await fetch(`${suite.server.url}/v1/me`, { headers: { authorization: `Bearer ${key}` } });
  expect(await me.json()).toMatchObject({ name: 'deploys <b>', scopes: ['read', 'operate'] });

  const row = page.getByRole('row', { name: /deploys/ });
  await row.getByRole('button', { name: 'Rotate…' }).click();
  await page.getByRole('button', { name: 'Rotate', exact: true }).click();
  expect(await page.locator('.settings-secret').innerText()).not.toBe(key);
  await page.getByRole('button', { name: 'Close' }).click();
  await row.getByText('the key before works until').waitFor();

  await row.getByRole('button', { name: 'Revoke…' }).click();
  const revoke = page.getByRole('dialog').getByRole('button', { name: /^Revoke/ });
  expect(await revoke.getAttribute('aria-disabled')).toBe('true');
  await page.getByLabel(/to revoke it/).fill('deploys <b>');
  await revoke.click();
  await page.getByText('is revoked.').waitFor();
  await row.waitFor({ state: 'detached' });
  expect(
    (await fetch(`${suite.server.url}/v1/me`, { headers: { authorization: `Bearer ${key}` } })).status,
  ).toBe(401);
});

test('a channel is tested, and its answer shown', async () => {
  const page = await suite.open('/settings/channels');
  await page.getByRole('button', { name: 'Send a test to mail' }).click();
  await page.getByText(/It failed|No answer yet/).waitFor();
  await expectAccessible(page);
});

test('who may not administer sees why, and no keys', async () => {
  const { key } = await suite.server.client.request<{ key: string }>('POST', '/v1/keys', {
    name: 'reader',
    scopes: ['read'],
  });
  const page = await suite.open('/settings/keys', { key });
  await page.getByRole('heading', { level: 1, name: 'Keys are shown to admins only.' }).waitFor();
  expect(await page.locator('main').innerText()).toContain('this takes admin');
  await page.goto('/settings/log');
  await page.getByRole('heading', { level: 1, name: 'The audit log is shown to admins only.' }).waitFor();
  await page.goto('/settings/channels');
  const test = page.getByRole('button', { name: 'Send a test to ops' });
  expect(await test.getAttribute('aria-disabled')).toBe('true');
});

test('the audit log: who changed what, filtered, with what it was before', async () => {
  const page = await suite.open('/settings/log?action=templates.put');
  await page.getByRole('heading', { level: 1, name: /1 change, by 1 actor/ }).waitFor();
  await page.locator('summary', { hasText: 'templates.put' }).click();
  expect(await page.locator('main').innerText()).toContain('"timeout_ms": 10000');
  await expectAccessible(page);
  await page.getByLabel('Action').fill('eventTypes.put');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /2 changes/ }).waitFor();
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as JSON lines' }).click();
  expect((await saved).suggestedFilename()).toBe('audit-log.jsonl');
});

test('one process without nodes, and 40 nodes with their shards, one of them silent', async () => {
  const page = await suite.open('/settings/nodes');
  await page.getByRole('heading', { level: 1, name: 'One process delivers: this one.' }).waitFor();
  await page.getByText('With PostgreSQL any number of nodes share the work').waitFor();
  const at = (agoMs: number): string => new Date(Date.now() - agoMs).toISOString();
  // Heartbeats are of the moment of the answer: a slow page would find all nodes silent otherwise.
  const nodes = (): unknown[] =>
    Array.from({ length: 40 }, (_, n) => ({
      node: `posthorn-${n}`,
      started_at: at(86_400_000),
      last_heartbeat_at: at(n === 7 ? 600_000 : 0),
      shards: Array.from({ length: 64 }, (__, shard) => shard).filter((shard) => shard % 40 === n),
    }));
  await page.route('**/v1/nodes*', (route) => route.fulfill({ json: { items: nodes(), next_cursor: null } }));
  await page.reload();
  await page
    .getByRole('heading', { level: 1, name: '40 nodes deliver; 1 sent no heartbeat for 10 seconds.' })
    .waitFor();
  expect(await page.getByRole('row').count()).toBe(41);
  await page.getByRole('img', { name: 'posthorn-3 owns 2 shards of 64' }).waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  await expectNoOverflow(page);
  await expectAccessible(page);
});

test('the versions of a template stand line by line against each other', async () => {
  const document = { timeout_ms: 10_000, deliver_within_s: 120, description: 'Orders' };
  const put = (fields: object) =>
    suite.server.client.request('PUT', '/v1/templates/order-slips', { ...document, ...fields });
  await put({});
  await put({ timeout_ms: 9000 });
  const page = await suite.open('/settings/templates');
  const template = page.locator('details.settings-document', { hasText: 'order-slips' });
  await template.locator('summary').first().click();
  await template.getByText('What its versions have changed').click();
  await template.getByText('Version 2', { exact: true }).waitFor();
  const [newest] = await template.locator('.version-diff').allInnerTexts();
  expect(newest).toMatch(/-\s+taken out:\s+timeout_ms: 10000/);
  expect(newest).toMatch(/\+\s+added:\s+timeout_ms: 9000/);
  await expectAccessible(page);
  await suite.server.client.request('DELETE', '/v1/templates/order-slips');
});

test.each([
  ['templates', 'Within 2 min'],
  ['event-types', 'payment.succeeded'],
])(
  'the view of %s is good when one is open',
  async (part, text) => {
    await expectGoodViews(suite, `/settings/${part}`, {
      name: `settings-${part}`,
      ready: async (page) => {
        await page.getByText(text).first().waitFor();
        await page
          .locator('details.settings-document > summary')
          .first()
          .click({ timeout: 500 })
          .catch(() => undefined);
      },
    });
  },
  240_000,
);
