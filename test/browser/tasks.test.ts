import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aReceiver, until } from '../support.ts';
import { browserSuite } from './support.ts';
import { badHour, change, failedThen, taskHistory } from './task-history.ts';

// The questions that people come with, each answered by keyboard alone and in a few steps.

const receiver = await aReceiver(({ path }, response) => {
  response.statusCode = path.startsWith('/503') ? 503 : 200;
  response.end(response.statusCode === 503 ? 'database is restarting' : 'ok');
});
const suite = browserSuite({
  dataDir: await taskHistory(new URL(receiver.url).origin),
  reconcileEveryS: 1,
});
const request = async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> =>
  await suite.server.client.request<T>(method, path, body);

beforeAll(async () => {
  await request('POST', '/v1/markers', { label: 'orders 4.12.0', at: new Date(change).toISOString() });
  await request('PUT', '/v1/event-types/payment.succeeded', { owner: 'payments' });
  await request('POST', '/v1/events', {
    id: 'pi_3Q9x',
    type: 'payment.succeeded',
    value: { amount_minor: 12_900, currency: 'EUR' },
    data: { id: 'pi_3Q9x' },
  });
  await request('POST', '/v1/events/batch', {
    events: Array.from({ length: 6 }, (_, n) => ({ type: 'charge.failed', data: { n } })),
  });
  await until('the ledger is known to fail', async () => {
    const { items } = await request<{ items: readonly { name: string; health: { state: string } }[] }>(
      'GET',
      '/v1/endpoints?include=health',
    );
    return items.find(({ name }) => name === 'ledger')?.health.state === 'failing';
  });
});
afterAll(async () => {
  await receiver.close();
});

/** Counts what a person does: a press of a key, or a text that is pasted. */
class Steps {
  readonly #page: Page;
  #count = 0;
  constructor(page: Page) {
    this.#page = page;
  }
  get count(): number {
    return this.#count;
  }
  async press(...keys: readonly string[]): Promise<this> {
    for (const key of keys) {
      this.#count++;
      await this.#page.keyboard.press(key);
    }
    return this;
  }
  async paste(text: string): Promise<this> {
    this.#count++;
    await this.#page.keyboard.insertText(text);
    return this;
  }
  /** Presses Tab until the focus is where it should be. */
  async tabTo(what: string, max = 20): Promise<this> {
    const isThere = (): Promise<boolean> =>
      this.#page.evaluate((selector) => document.activeElement?.matches(selector) === true, what);
    for (let n = 0; n < max && !(await isThere()); n++) await this.press('Tab');
    if (!(await isThere())) throw new Error(`Tab does not lead to ${what}`);
    return this;
  }
}

/** Waits until the page's sentence is this. */
const says = async (page: Page, sentence: RegExp): Promise<void> =>
  await expect.poll(() => page.locator('main h1').innerText(), { timeout: 90_000 }).toMatch(sentence);
/** Opens a page, and is ready for keys. */
const at = async (path: string): Promise<readonly [Page, Steps]> => {
  const page = await suite.open(path);
  await page.locator('.sentence h1').waitFor();
  return [page, new Steps(page)];
};
/** Searches by the box that a key opens, and opens what is found first. */
const find = async (page: Page, steps: Steps, text: string, found: RegExp): Promise<void> => {
  await steps.press('/');
  await steps.paste(text);
  await page.getByRole('option', { name: found }).first().waitFor();
  await steps.press('Enter');
};

test('manager: do our payment notifications arrive, what is it worth, who owns it? 2 steps', async () => {
  const [page, steps] = await at('/deliveries');
  await steps.press('g', 'n');
  await says(page, /Nothing is lost\. \d+ notifications worth €[\d,.]+ will not arrive unless someone acts/);
  const teams = page.getByRole('table', { name: /team/i });
  await teams.getByRole('row', { name: /shop/ }).waitFor();
  await teams.getByRole('row', { name: /finance/ }).waitFor();
  expect(steps.count).toBeLessThanOrEqual(2);
});

test('on call: what do I do now? From Now to the redrive of the first thing in 4 steps', async () => {
  const [page, steps] = await at('/');
  await steps.press('j', 'Enter');
  await page.waitForURL(/\/dead-letters\?endpoint_id=/);
  await page.getByRole('button', { name: /^Redrive \d+…/ }).waitFor();
  await steps.press('r');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Redrive \d+$/ })
    .waitFor();
  expect(steps.count).toBeLessThanOrEqual(4);
});

test('engineer: what happened to this payment? 3 steps', async () => {
  const [page, steps] = await at('/');
  await find(page, steps, 'pi_3Q9x', /pi_3Q9x/);
  await page.getByText('●').first().waitFor();
  await page
    .getByRole('row', { name: /delivered/ })
    .first()
    .waitFor();
  expect(steps.count).toBeLessThanOrEqual(3);
});

test('engineer: why does an endpoint fail? 3 steps', async () => {
  const [page, steps] = await at('/');
  await find(page, steps, 'ledger', /ledger/);
  await says(page, /has answered 503 to every attempt/);
  await page.getByText('database is restarting').first().waitFor();
  expect(steps.count).toBeLessThanOrEqual(3);
});

test('both teams: do we keep our promise, and who spends it? 3 steps', async () => {
  const [page, steps] = await at('/');
  await find(page, steps, 'payments-in-time', /payments-in-time/);
  await says(page, /Kept: 9\d/);
  await page.getByRole('region', { name: 'payments sends' }).waitFor();
  await page.getByRole('region', { name: 'shop receives' }).waitFor();
  expect(steps.count).toBeLessThanOrEqual(3);
});

test('lead: what was lost, its worth, and did the fix work? 2 steps', async () => {
  const [page, steps] = await at('/');
  await steps.press('g', 'i');
  await says(page, /5% dropped before, none of 720 after/);
  await page.getByText('It is better, beyond chance.').waitFor();
  await page.getByText(/€/).first().waitFor();
  expect(steps.count).toBeLessThanOrEqual(2);
});

test('platform: who follows no template, who owns nothing? 2 steps', async () => {
  const [page, steps] = await at('/');
  await steps.press('g', 't');
  await says(page, /\d things? (has|have) no owner/);
  await page.getByText('it names no owner').first().waitFor();
  expect(steps.count).toBeLessThanOrEqual(2);
});

test('receiver: what did I miss? From its link to the answer in 20 steps', async () => {
  const { token } = await request<{ token: string }>('POST', '/v1/portal-links', { tenant: 'default' });
  const page = await suite.open(`/portal#t=${token}`, { key: null });
  await page.getByRole('link', { name: 'Compare with what you processed' }).waitFor();
  const steps = new Steps(page);
  await steps.press('Tab', 'Enter');
  await steps.tabTo('a[href="/missed"]');
  await steps.press('Enter');
  await page.getByText('Compare with', { exact: true }).waitFor();
  await steps.tabTo('input[type=radio]');
  await steps.press('ArrowDown');
  await steps.tabTo('textarea');
  await steps.paste('pi_3Q9x');
  await steps.press('Tab', 'Enter');
  await says(page, /You have [01] of/);
  expect(steps.count).toBeLessThanOrEqual(20);
});

test('on call: resend everything that failed yesterday between 2 and 3, in 12 steps', async () => {
  const [page, steps] = await at('/');
  await steps.press('g', 'x');
  await says(page, /dead letters/);
  await steps.press('t');
  const date = new Date(badHour).toISOString().slice(0, 10);
  await steps.paste(`${date} 02:00..03:00`);
  await steps.press('Enter');
  await says(page, new RegExp(`\\b${failedThen} dead letters`));
  await steps.press('r');
  const go = page.getByRole('dialog').getByRole('button', { name: `Redrive ${failedThen}` });
  await go.waitFor();
  await steps.tabTo('dialog .button-go', 6);
  await steps.press('Enter');
  await says(page, new RegExp(`Done: all ${failedThen} delivered.`));
  expect(steps.count).toBeLessThanOrEqual(12);
});
