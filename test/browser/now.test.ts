import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import { aReceiver, until } from '../support.ts';
import { aNow, aSeries, someMarkers } from './now-answers.ts';
import { browserSuite, expectAccessible, expectGoodViews, expectNoOverflow, picture } from './support.ts';

// Now: its numbers are those of the rows, and every state of it is made to be looked at.

const suite = browserSuite({ reconcileEveryS: 1 });
type Now = Answer<'now.get'>;

const request = async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> =>
  await suite.server.client.request<T>(method, path, body);

/** The stream brings the real overview of 24 hours; of any other window it makes the page ask, and the test answers. */
const ownWindow = 'last=7d';

/** Answers the page's calls with these, as the contract has them. */
async function answerWith(page: Page, now: Now): Promise<void> {
  await page.route('**/v1/now*', (route) => route.fulfill({ json: now }));
  await page.route('**/v1/series*', (route) =>
    route.fulfill({ json: aSeries(new URL(route.request().url())) }),
  );
  await page.route('**/v1/markers*', (route) => route.fulfill({ json: someMarkers() }));
  await page.goto(`/?${ownWindow}`);
}

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

describe('against a real server', () => {
  let paused: string;
  beforeAll(async () => {
    await request('PUT', '/v1/teams/shop', { channels: [] });
    const well = await aReceiver();
    const ill = await aReceiver((_, response) => response.writeHead(503).end());
    closing.push(well.close, ill.close);
    const endpoint = async (fields: object): Promise<string> =>
      (await request<{ id: string }>('POST', '/v1/endpoints', { owner: 'shop', ...fields })).id;
    await endpoint({ url: ill.url, retry: { schedule_s: [] } });
    await endpoint({ url: well.url });
    await endpoint({
      url: ill.url,
      deliver_within_s: 1,
      retry: { schedule_s: [600] },
      event_types: ['a.late'],
    });
    paused = await endpoint({ url: well.url, enabled: false, event_types: ['refund.*'] });
    for (const amount_minor of [1050, 250, 7])
      await request('POST', '/v1/events', {
        type: 'payment.succeeded',
        data: {},
        value: { amount_minor, currency: amount_minor === 7 ? 'JPY' : 'EUR' },
      });
    for (const type of ['refund.updated', 'a.late'])
      await request('POST', '/v1/events', { type, data: {}, value: { amount_minor: 4500, currency: 'USD' } });
    await until('everything has come to its state', async () => {
      const { ledger, at_risk: risk, reconciled } = await request<Now>('GET', '/v1/now');
      return (
        ledger.dead === 5 && ledger.delivered === 5 && risk.late_pending_count === 1 && reconciled !== null
      );
    });
  }, 120_000);

  test('G6: every number equals SQL over the rows, and leads to those deliveries', async () => {
    const db = new DatabaseSync(join(suite.server.dataDir, 'posthorn.db'), { readOnly: true });
    const rows = Object.values(
      db
        .prepare(
          `SELECT count(*), sum(state = 1), sum(state = 0), sum(state = 2), sum(state = 3), sum(state = 4) FROM deliveries`,
        )
        .get()!,
    ).map(String);
    db.close();
    const page = await suite.open('/');
    await page.locator('.sentence h1').waitFor();
    const shown = await page.locator('.equation dd').allTextContents();
    expect(shown).toEqual([...rows, '0']);
    expect(Number(shown[0])).toBe(shown.slice(1).reduce((sum, text) => sum + Number(text), 0));
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(
      'Nothing is lost. 6 notifications worth $135.00, €13.00 and 1 more currency will not arrive unless someone acts.',
    );
    const words = await page.locator('main').textContent();
    for (const part of [
      'in 5 dead letters',
      '$90.00in 5 dead letters',
      'In other currencies€13.00¥7+ 1 currency',
      'Waiting past the deadline$45.00',
      'suppressed$45.00',
    ])
      expect(words).toContain(part);
    const link = await page.locator('.equation dd a').nth(3).getAttribute('href');
    expect(link).toMatch(/^\/deliveries\?state=dead&since=.*&until=/);
    expect(await page.locator('.now-needs a.button').first().getAttribute('href')).toMatch(
      /^\/dead-letters\?endpoint_id=ep_/,
    );
    await expectAccessible(page);
  });

  test('the window and the scope are in the URL; a window is chosen by keyboard', async () => {
    const page = await suite.open(`/?endpoint_id=${paused}`);
    await page.locator('.sentence h1').waitFor();
    expect(await page.locator('.equation dd').first().textContent()).toBe('1');
    await page.getByRole('button', { name: '7d' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Last 7 days, by time of acceptance.').waitFor();
    expect(new URL(page.url()).search).toBe(`?endpoint_id=${paused}&last=7d`);
    expect(await page.locator('.equation dd').first().textContent()).toBe('1');
  });

  test('what comes changes the numbers in place', async () => {
    const page = await suite.open('/');
    const accepted = page.locator('.equation dd').first();
    await accepted.waitFor();
    const before = Number(await accepted.textContent());
    await request('POST', '/v1/events', { type: 'b.c', data: {} });
    await until('the number has risen', async () => Number(await accepted.textContent()) > before);
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
  });
});

describe('every state', () => {
  test('all is well, nothing at all, and nine currencies', async () => {
    const page = await suite.open('/healthz');
    const { currencies, ...rest } = {
      currencies: ['EUR', 'USD', 'GBP', 'JPY', 'KWD', 'CHF', 'SEK', 'PLN', 'CZK'],
      ...aNow(),
    };
    await answerWith(page, {
      ...rest,
      level: 'well',
      sentence: 'Every payment notification of the last 24 hours is accounted for; none needs you.',
      ledger: { ...rest.ledger, accepted: 1_283_871, pending: 0, dead: 0 },
      at_risk: { dead: [], suppressed: [], late_pending: [], late_pending_count: 0, unknown: 0 },
      needs: [],
      more_needs: 0,
    });
    await page.getByText('Nothing does.').waitFor();
    expect(await page.locator('.lens').count()).toBe(0);
    await picture(page, 'now-well');
    await page.unrouteAll();
    await answerWith(page, {
      ...rest,
      at_risk: {
        ...rest.at_risk,
        dead: currencies.map((currency, index) => ({
          currency,
          amount_minor: index === 3 ? '9007199254740993123' : 123_456,
          events: 9 - index,
        })),
      },
    });
    await page.getByText('¥9,007,199,254,740,993,123').waitFor();
    await page.getByText('KWD 123.456').waitFor();
    await expectNoOverflow(page);
    await page.setViewportSize({ width: 320, height: 800 });
    await expectNoOverflow(page, 'now at 320');
    await page.unrouteAll();
    await answerWith(page, {
      ...rest,
      level: 'well',
      sentence: 'No endpoints yet, so nothing can be delivered.',
      ledger: { accepted: 0, delivered: 0, pending: 0, dead: 0, cancelled: 0, suppressed: 0, unaccounted: 0 },
      endpoints: 0,
      needs: [],
    });
    await page.getByRole('link', { name: 'Create an endpoint' }).waitFor();
  });

  test('what is unaccounted for takes the page over', async () => {
    await expectGoodViews(suite, '/healthz', {
      name: 'now-lost',
      ready: async (page) => {
        const now = aNow();
        await answerWith(page, {
          ...now,
          sentence: '2 notifications are unaccounted: accepted, but in no state.',
          ledger: { ...now.ledger, accepted: now.ledger.accepted + 2, unaccounted: 2 },
          reconciled: {
            ...now.reconciled!,
            balanced: false,
            unaccounted: 2,
            ids: ['dlv_0000000001a', 'evt_01abc'],
          },
        });
        await page.getByRole('alert').getByText('dlv_0000000001a').waitFor();
      },
    });
  });

  test('a screen on a wall: digits of 64 px and more, no navigation; Escape leaves it', async () => {
    const page = await suite.open('/healthz', { width: 1920 });
    await page.setViewportSize({ width: 1920, height: 1080 });
    await page.route('**/v1/now*', (route) => route.fulfill({ json: aNow() }));
    await page.goto(`/?wall=1&${ownWindow}`);
    await page.locator('.wall').waitFor();
    await picture(page, 'now-wall');
    const size = await page
      .locator('.equation dd')
      .first()
      .evaluate((element) => getComputedStyle(element).fontSize);
    expect(Number.parseFloat(size)).toBeGreaterThanOrEqual(64);
    expect(await page.getByRole('navigation').count()).toBe(0);
    await expectNoOverflow(page, 'the wall');
    await expectAccessible(page, 'the wall');
    await page.keyboard.press('Escape');
    await page.locator('.wall').waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe(`?${ownWindow}`);
  });

  test('a refusal is shown, and the last numbers stay while the server is away', async () => {
    const refused = await suite.open('/healthz', { statuses: [503] });
    await refused.route('**/v1/now*', (route) =>
      route.fulfill({
        status: 503,
        json: { code: 'unavailable', detail: 'The store is away.', request_id: 'req-1' },
      }),
    );
    await refused.goto(`/?${ownWindow}`);
    await refused.getByRole('alert').getByText('The store is away.').waitFor();
    const page = await suite.open('/healthz', { statuses: [503] });
    await answerWith(page, aNow());
    await page.getByText('1,284,093').first().waitFor();
    await page.route('**/v1/now*', (route) =>
      route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'away' } }),
    );
    await page.waitForResponse((response) => response.url().includes('/v1/now') && response.status() === 503);
    expect(await page.locator('.equation dd').first().textContent()).toBe('1,284,093');
  });

  test('hostile names are text', async () => {
    const page = await suite.open('/healthz');
    const now = aNow();
    const hostile = '<img src=x onerror=alert(1)>\u202eevil';
    await answerWith(page, {
      ...now,
      teams: [{ ...now.teams[0]!, team: hostile }],
      needs: [
        { ...now.needs[0]!, subject: hostile, summary: `38 dead letters at ${hostile}`, owner: hostile },
      ],
    });
    await page.getByText('⟨U+202E⟩evil').first().waitFor();
    expect(await page.locator('main img').count()).toBe(0);
    await expectNoOverflow(page);
  });
});
