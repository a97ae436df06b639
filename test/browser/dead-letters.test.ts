import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { browserSuite, expectGoodViews } from './support.ts';

// Dead letters in triage, redrives and replays: what a person on call does about what did not arrive.

const suite = browserSuite({ allowPrivateNetworks: true });

let isDown = true;
let received = 0;
let receiver: Awaited<ReturnType<typeof aReceiver>>;
beforeAll(async () => {
  receiver = await aReceiver((_, response) => {
    received++;
    response.statusCode = isDown ? 503 : 200;
    response.end(isDown ? 'database is restarting' : 'ok');
  });
});
afterAll(async () => {
  await receiver.close();
});

type Body = Record<string, unknown>;
const request = async <T = Body>(method: string, path: string, body?: unknown): Promise<T> =>
  await suite.server.client.request<T>(method as 'POST', path, body);

let teams = 0;
/** An endpoint with so many dead letters, each worth 129.00 EUR. */
async function dead(letters: number, fields: Body = {}, currency = 'EUR'): Promise<string> {
  isDown = true;
  const type = `payment.kind${++teams}`;
  const { id } = await request<{ id: string }>('POST', '/v1/endpoints', {
    url: receiver.url,
    event_types: [type],
    retry: { schedule_s: [] },
    ...fields,
  });
  for (let left = letters; left > 0; left -= 1000) {
    const events = Array.from({ length: Math.min(left, 1000) }, (_, n) => ({
      type,
      data: { n },
      value: { amount_minor: 12_900, currency },
    }));
    await request('POST', '/v1/events/batch', { events });
  }
  await until('they are dead', async () => {
    const { items } = await request<{ items: readonly { count: number }[] }>(
      'GET',
      `/v1/dead-letters?endpoint_id=${id}`,
    );
    return items[0]?.count === letters;
  });
  isDown = false;
  return id;
}

const row = (page: Page, name: RegExp) => page.getByRole('row', { name });

test('groups are sorted by worth, say why, and the panel says whether the receiver works again', async () => {
  await request('PUT', '/v1/teams/shop', { channels: [] });
  const large = await dead(38, { owner: 'shop' });
  await dead(2);
  await dead(1, {}, 'USD');
  const page = await suite.open('/dead-letters');
  await page
    .getByRole('heading', { level: 1, name: '41 dead letters, worth €5,160.00 and $129.00.' })
    .waitFor();
  const rows = page.getByRole('table', { name: /Groups/ }).locator('tbody tr');
  expect(await rows.allInnerTexts()).toEqual([
    expect.stringContaining('€4,902.00'),
    expect.stringContaining('€258.00'),
    expect.stringContaining('$129.00'),
  ]);
  await row(page, /shop/).getByText('“database is restarting”').waitFor();
  await page.getByText('Send one first').waitFor();
  expect(await page.getByRole('link', { name: 'See these deliveries' }).getAttribute('href')).toContain(
    `endpoint_id=${large}`,
  );
  // By keys alone, and with a URL that can be sent.
  await page.keyboard.press('j');
  await expect.poll(() => page.url()).toContain('group=dead.ep_');
  await page.getByRole('heading', { level: 2, name: /Redrive 2 at/ }).waitFor();
});

test('one first: its outcome is waited for, then the rest is redriven after a dry run, as a job that survives a reload', async () => {
  const id = await dead(25);
  const page = await suite.open(`/dead-letters?endpoint_id=${id}`);
  // The navigation of every page shows how many there are, and follows by itself.
  const link = page
    .getByRole('navigation', { name: 'Pages', exact: true })
    .getByRole('link', { name: /^Dead letters/ });
  const total = async () => {
    const { items } = await request<{ items: readonly { count: number }[] }>('GET', '/v1/dead-letters');
    return items.reduce((sum, { count }) => sum + count, 0);
  };
  const shown = async () => Number(/\d+/.exec(await link.innerText()) ?? 0);
  const before25 = await total();
  expect(before25).toBeGreaterThanOrEqual(25);
  await expect.poll(shown).toBe(before25);
  await page.getByRole('button', { name: 'One first' }).click();
  await page.getByText(/is delivered: 200 in/).waitFor();
  await page.getByRole('button', { name: /Redrive the other 24/ }).click();
  const dialog = page.getByRole('dialog', { name: /Redrive 24 at/ });
  await dialog.getByRole('button', { name: 'Redrive 24' }).waitFor();
  expect(await dialog.innerText()).toMatch(/worth\s+€3,096\.00/);
  expect(await dialog.getByText(/^posthorn redrive/).innerText()).toContain(`--endpoint-id ${id}`);
  await dialog.getByLabel('Name').fill('certificate of 24 November');
  await dialog.getByLabel('Deliveries a second').fill('');
  const before = received;
  // Twice is once.
  await dialog.getByRole('button', { name: 'Redrive 24' }).dblclick();
  await page.waitForURL(/\/redrives\/rdr_/);
  await page.getByRole('heading', { level: 1, name: 'Done: all 24 delivered.' }).waitFor();
  await expect.poll(shown).toBe(before25 - 25);
  expect(await total()).toBe(before25 - 25);
  expect(received - before).toBe(24);
  await page.reload();
  await page.getByText('certificate of 24 November').waitFor();
  await page.getByRole('link', { name: 'Redrives' }).click();
  await expect.poll(() => row(page, /certificate of 24 November/).count()).toBe(1);
});

test('a redrive is slowed, hurried and stopped from its page; what it said adds up', async () => {
  const id = await dead(60);
  const job = await request<{ id: string }>('POST', '/v1/redrives', {
    filter: { endpoint_id: id },
    rate_per_s: 0.01,
  });
  const page = await suite.open(`/redrives/${job.id}`);
  await page.getByRole('heading', { level: 1, name: /Redriving: 1 of 60/ }).waitFor();
  await page.getByLabel(/Deliveries a second/).fill('8');
  await page.keyboard.press('Enter');
  await page.getByText('8 a second').waitFor();
  await page.getByRole('heading', { level: 1, name: /Redriving: [1-5]\d of 60/ }).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  const heading = page.getByRole('heading', {
    level: 1,
    name: /Stopped at \d+ of 60\. \d+ stay as they are/,
  });
  await heading.waitFor();
  const [done, matched, left] = (await heading.innerText()).match(/\d+/g)!.map(Number);
  expect([done! + left!, matched]).toEqual([60, 60]);
  await expect
    .poll(async () => await row(page, /^Delivered/).innerText())
    .toMatch(new RegExp(`Delivered\\s+${done}$`));
});

test('a redrive to a receiver that still fails stops itself, and says so', async () => {
  const id = await dead(30);
  isDown = true;
  const job = await request<{ id: string }>('POST', '/v1/redrives', { filter: { endpoint_id: id } });
  const page = await suite.open(`/redrives/${job.id}`);
  await page
    .getByRole('heading', {
      level: 1,
      name: 'It stopped itself: the first 20 all failed again. 10 stay as they are.',
    })
    .waitFor();
  isDown = false;
});

test('a group is snoozed with a reason and woken; who may only read sees why the buttons do nothing', async () => {
  const id = await dead(3);
  const page = await suite.open(`/dead-letters?endpoint_id=${id}`);
  await page.getByRole('button', { name: 'Snooze…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Snooze this group' });
  await dialog.getByLabel('Why it may wait').fill('the receiver deploys tomorrow');
  await dialog.getByRole('button', { name: 'Snooze', exact: true }).click();
  await page.getByText('the receiver deploys tomorrow').waitFor();
  await page.getByRole('button', { name: 'End the snooze' }).click();
  await page.getByRole('button', { name: 'Snooze…' }).waitFor();
  const { key } = await request<{ key: string }>('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
  const reading = await suite.open(`/dead-letters?endpoint_id=${id}`, { key });
  const button = reading.getByRole('button', { name: /^Redrive 3/ });
  expect(await button.getAttribute('aria-disabled')).toBe('true');
  expect(await button.getAttribute('title')).toContain('this takes operate');
});

test('everything that failed in a window is redriven from the list of deliveries, not only the rows that are seen', async () => {
  const id = await dead(60);
  const page = await suite.open(`/deliveries?state=dead&error_class=http_5xx&endpoint_id=${id}&last=1h`);
  await page.getByRole('button', { name: 'Redrive all that match…' }).click();
  const dialog = page.getByRole('dialog', { name: /Redrive all dead letters/ });
  await dialog.getByLabel('Deliveries a second').fill('');
  await dialog.getByRole('button', { name: 'Redrive 60' }).click();
  await page.getByRole('heading', { level: 1, name: 'Done: all 60 delivered.' }).waitFor();
  await page.getByRole('link', { name: 'those it redrove' }).click();
  await page.getByText('redrive or replay').first().waitFor();
  await page.getByRole('button', { name: 'Replay all that match…' }).waitFor();
});

test('no dead letters, suppressed ones, and a window that has none', async () => {
  const page = await suite.open(
    '/dead-letters?owner=shop&since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z',
  );
  await page.getByRole('heading', { level: 1, name: 'No dead letters.' }).waitFor();
  await page.getByText('in this window').waitFor();
  const { id } = await request<{ id: string }>('POST', '/v1/endpoints', {
    url: receiver.url,
    event_types: ['paused.kind'],
    enabled: false,
  });
  await request('POST', '/v1/events', { type: 'paused.kind', data: {} });
  await page.goto(`/dead-letters?state=suppressed&endpoint_id=${id}`);
  await page.getByRole('heading', { level: 1, name: '1 suppressed delivery.' }).waitFor();
  await page.getByText('The endpoint is paused').waitFor();
});

test('a job that is done, and the dialog of one, are good in both themes and widths', async () => {
  await dead(4, { owner: 'shop' });
  const done = await request<{ items: readonly { id: string; state: string }[] }>('GET', '/v1/redrives');
  const heading = (page: Page) => page.locator('.sentence h1').waitFor();
  await expectGoodViews(suite, `/redrives/${done.items.at(-1)!.id}`, {
    name: 'redrive-done',
    ready: heading,
  });
  await expectGoodViews(suite, '/dead-letters', {
    name: 'dead-letters-dialog',
    ready: async (page) => {
      if (page.viewportSize()!.width < 600) await page.locator('.dead-host').first().click();
      await page.getByRole('button', { name: /^Redrive \d+…/ }).click();
      await page.getByRole('button', { name: /^Redrive \d+$/ }).waitFor();
    },
  });
});
