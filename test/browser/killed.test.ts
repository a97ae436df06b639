import type { ChildProcess } from 'node:child_process';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { apiKey } from '../integration/serving.ts';
import { aReceiver, tempDir, until } from '../support.ts';
import { createWireClient } from '../wire-client.ts';
import { browserSuite } from './support.ts';

// A server that is killed under open pages, and a redrive of ten thousand that is stopped half-way: what a page says is what the
// receiver got.

const letters = 10_000;
const suite = browserSuite();
const dataDir = tempDir();
const port = await freePort();
const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
const request = async <T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T> => await client.request<T>(method, path, body);

let isDown = true;
const got = new Map<string, number>();
let receiver: Awaited<ReturnType<typeof aReceiver>>;
let server: ChildProcess;
let endpoint: string;
beforeAll(async () => {
  receiver = await aReceiver(({ headers }, response) => {
    response.statusCode = isDown ? 503 : 200;
    const id = String(headers['webhook-id']);
    if (!isDown) got.set(id, (got.get(id) ?? 0) + 1);
    response.end(isDown ? 'database is restarting' : 'ok');
  });
  server = await startServer({ port, dataDir, apiKey });
  const made = await request<{ id: string }>('POST', '/v1/endpoints', {
    url: receiver.url,
    event_types: ['payment.failed'],
    retry: { schedule_s: [] },
    max_in_flight: 64,
  });
  endpoint = made.id;
  for (let left = letters; left > 0; left -= 1000)
    await request('POST', '/v1/events/batch', {
      events: Array.from({ length: 1000 }, () => ({
        type: 'payment.failed',
        data: {},
        value: { amount_minor: 100, currency: 'EUR' },
      })),
    });
  await until('they are dead', async () => {
    const { dead } = await request<{ dead: number }>('GET', `/v1/accounting?endpoint_id=${endpoint}`);
    return dead === letters;
  });
  isDown = false;
});
afterAll(async () => {
  await kill(server, 'SIGKILL');
  await receiver.close();
});

const restart = async (): Promise<void> => void (server = await startServer({ port, dataDir, apiKey }));
const open = (path: string): Promise<Page> =>
  suite.open(path, {
    context: { baseURL: `http://127.0.0.1:${port}` },
    allowed: /net::ERR_(CONNECTION_\w+|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/,
  });
const live = (page: Page, word: string) => page.locator('.live', { hasText: word }).first();
const doneOf = async (page: Page): Promise<number> => {
  const text = await page.locator('main h1').innerText();
  return Number(
    /(?:Redriving: |Stopped at |Done: all )([\d,]+)/.exec(text)?.[1]?.replaceAll(',', '') ?? Number.NaN,
  );
};

test('G2: 10,000 dead letters redriven by filter at a rate: its progress survives a reload and a SIGKILL, and after a stop half-way its outcome is what the receiver got', async () => {
  const page = await open(`/deliveries?state=dead&endpoint_id=${endpoint}&error_class=http_5xx&last=1h`);
  await page.getByRole('button', { name: 'Redrive all that match…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('certificate of 24 November');
  await dialog.getByLabel('Deliveries a second').fill('500');
  await dialog.getByRole('button', { name: 'Redrive 10,000' }).click();
  await page.waitForURL(/\/redrives\/rdr_/);
  await until('it is on its way', async () => (await doneOf(page)) >= 500);
  await page.reload();
  await until('it goes on', async () => (await doneOf(page)) >= 1000);
  const before = await doneOf(page);
  await kill(server, 'SIGKILL');
  await live(page, 'reconnecting').waitFor();
  // What was read stays.
  expect(await doneOf(page)).toBeGreaterThanOrEqual(before);
  await restart();
  await live(page, '● live').waitFor();
  await until('it goes on by itself', async () => (await doneOf(page)) >= before + 1000);
  expect(await page.getByText('certificate of 24 November').count()).toBeGreaterThan(0);
  await until('it is half-way', async () => (await doneOf(page)) >= letters / 3);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('heading', { level: 1, name: /Stopped at [\d,]+ of 10,000\./ }).waitFor();
  const done = await doneOf(page);
  expect(done).toBeLessThan(letters);
  const id = new URL(page.url()).pathname.split('/').at(-1)!;
  await until('nothing of it is pending', async () => {
    const { outcome } = await request<{ outcome: { pending: number } }>('GET', `/v1/redrives/${id}`);
    return outcome.pending === 0;
  });
  // At least once: what was in flight at the kill may have come twice, and nothing is missing.
  expect(got.size).toBe(done);
  await expect
    .poll(() => page.getByRole('row', { name: /^Delivered/ }).innerText(), { timeout: 90_000 })
    .toContain(done.toLocaleString('en'));
  expect(await request('GET', `/v1/accounting?endpoint_id=${endpoint}`)).toMatchObject({
    delivered: done,
    dead: letters - done,
    pending: 0,
    unaccounted: 0,
  });
});

test('a server that is killed under an open list: stale after 5 s, live within 2 s of its return, no row twice, no alert lost', async () => {
  const page = await open(`/deliveries?endpoint_id=${endpoint}&last=1h`);
  const now = await open('/');
  await page.locator('.rows-row').first().waitFor({ timeout: 90_000 });
  for (const one of [page, now]) await live(one, '● live').waitFor();
  const killedAt = Date.now();
  await kill(server, 'SIGKILL');
  await live(page, 'reconnecting').waitFor();
  await live(page, 'stale').waitFor();
  const staleAfterMs = Date.now() - killedAt;
  expect(staleAfterMs).toBeGreaterThanOrEqual(4000);
  await now.locator('.equation dd').first().waitFor();
  await restart();
  // While the pages were away: a delivery, and an endpoint that is paused, which Now has to name.
  await request('POST', '/v1/events', { type: 'payment.failed', data: {}, id: 'while-away' });
  await request('POST', `/v1/endpoints/${endpoint}/pause`, { reason: 'migration' });
  for (const one of [page, now]) await live(one, '● live').waitFor();
  await now.getByText('is paused').first().waitFor();
  // Asked again once it is back, or behind its number: there is one row of it.
  const { items } = await request<{ items: readonly { id: string }[] }>(
    'GET',
    '/v1/deliveries?event_id=while-away',
  );
  const shown = async (): Promise<readonly (string | null)[]> =>
    await page
      .locator('.rows-state a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  const fresh = page.getByRole('button', { name: /\d new$/ });
  await until('what came meanwhile is shown', async () => {
    if (await fresh.isVisible()) await fresh.click();
    return (await shown()).includes(`/deliveries/${items[0]!.id}`);
  });
  const ids = await shown();
  expect(new Set(ids).size).toBe(ids.length);
});
