import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDeliveryId } from '../../packages/posthorn/src/domain/ids.ts';
import { aReceiver, until } from '../support.ts';
import { inStore, makeOverlap } from './store-writes.ts';
import { browserSuite, expectAccessible, expectNoOverflow, picture } from './support.ts';

// Deliveries, one delivery, an event, and the search box.

const suite = browserSuite();

interface Listed {
  readonly id: string;
  readonly state: string;
}

describe('deliveries in the browser', () => {
  let good: Awaited<ReturnType<typeof aReceiver>>;
  let bad: Awaited<ReturnType<typeof aReceiver>>;
  let fixed = false;
  /** Sent four times, arrived twice: a node froze, and its answer came under an old claim. */
  let overlapping: string;
  let dead: string;
  let pending: string;
  const request = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    suite.server.client.request<T>(method, path, body);
  const deliveryOf = async (event: string): Promise<Listed> => {
    const { items } = await request<{ items: Listed[] }>('GET', `/v1/deliveries?event_id=${event}`);
    return items[0]!;
  };
  beforeAll(async () => {
    good = await aReceiver();
    bad = await aReceiver((_, response) => {
      if (fixed) response.end('ok');
      else response.writeHead(503, { 'retry-after': '1' }).end('{"error":"database is restarting"}');
    });
    for (const team of ['shop', 'finance']) await request('PUT', `/v1/teams/${team}`, {});
    await request('PUT', '/v1/endpoints/orders', {
      url: good.url,
      owner: 'shop',
      event_types: ['payment_intent.succeeded', 'refund.updated'],
      headers: { 'x-token': 'token-0123456789' },
      deliver_within_s: 60,
    });
    await request('PUT', '/v1/endpoints/ledger', {
      url: `${bad.url}/ledger`,
      owner: 'finance',
      event_types: ['charge.refunded'],
      retry: { schedule_s: [], jitter: 0, give_up_after_s: 60 },
    });
    await request('PUT', '/v1/endpoints/search', {
      url: `${bad.url}/search`,
      event_types: ['customer.updated'],
      retry: { schedule_s: [3600, 7200, 7200, 7200, 7200], jitter: 0.1, give_up_after_s: 604_800 },
    });
    const value = (n: number) => ({ amount_minor: 1000 + n * 317, currency: n % 5 === 0 ? 'JPY' : 'EUR' });
    await request('POST', '/v1/events/batch', {
      events: [
        {
          id: 'pi_3Q9x',
          type: 'payment_intent.succeeded',
          ordering_key: 'order-17',
          value: { amount_minor: 12_900, currency: 'EUR' },
          data: { object: { id: 'pi_3Q9x', amount: 12_900, currency: 'eur', card: '4242 4242 4242 4242' } },
        },
        ...Array.from({ length: 60 }, (_, n) => ({
          id: `pi_${n}`,
          type: n % 7 === 0 ? 'refund.updated' : 'payment_intent.succeeded',
          ...(n % 11 === 0 ? {} : { value: value(n) }),
          data: { n },
        })),
        ...Array.from({ length: 8 }, (_, n) => ({
          id: `ch_${n}`,
          type: 'charge.refunded',
          value: { amount_minor: 4200 + n, currency: 'EUR' },
          data: { n },
        })),
        { id: 'cus_1', type: 'customer.updated', data: { name: 'Ines' } },
        { id: 'unmatched', type: 'payout.paid', data: {} },
      ],
    });
    await until('they have ended', async () => {
      const { items } = await request<{ items: Listed[] }>('GET', '/v1/deliveries?limit=200');
      return (
        items.every(({ state }) => state !== 'pending') ||
        items.filter(({ state }) => state === 'pending').length === 1
      );
    });
    await until('the pending one has failed once', async () => {
      const { id } = await deliveryOf('cus_1');
      return (await request<{ attempts: unknown[] }>('GET', `/v1/deliveries/${id}`)).attempts.length > 0;
    });
    overlapping = (await deliveryOf('pi_3Q9x')).id;
    dead = (await deliveryOf('ch_0')).id;
    pending = (await deliveryOf('cus_1')).id;
    makeOverlap(suite.server.dataDir, overlapping);
  });
  afterAll(async () => {
    await Promise.all([good.close(), bad.close()]);
  });

  test('a delivery: what happened, to scale; what was sent, and what came back of each claim', async () => {
    const page = await suite.open(`/deliveries/${overlapping}`);
    await page.getByRole('heading', { name: 'Delivered late: 2 min 42 s, allowed was 1 min' }).waitFor();
    await page.getByText('Sent 4 times, arrived twice under one webhook-id.').waitFor();
    // "Is it only me?": the others of its endpoint, and how it is now.
    await page.getByRole('heading', { name: 'Is it only this one?' }).waitFor();
    await page.getByText(/first attempts succeeded|Too few to tell|Nothing else was accepted/).waitFor();
    await page.getByText('See the endpoint').waitFor();
    const drawing = page.getByRole('img', {
      name: /Claims of the delivery over time: 4 attempts, requests in flight at the same time/,
    });
    await drawing.waitFor();
    expect(await page.locator('.timeline-overlap').count()).toBeGreaterThan(0);
    expect(await page.locator('.timeline-fold').count()).toBeGreaterThan(0);
    // The bars are to scale: the first lasted 15 s, the second 25.8 s.
    const widths = await page
      .locator('svg .timeline-row .timeline-bar')
      .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
    expect(widths[1]! / widths[0]!).toBeCloseTo(25.8 / 15, 1);
    // What was sent is what the receiver got.
    const body = page.getByRole('region', { name: 'Body of the request' });
    await page.getByRole('button', { name: 'Show as it came' }).first().click();
    const sent = good.requests.find(({ headers }) => headers['webhook-id'] === 'pi_3Q9x')!;
    expect(await body.innerText()).toBe(sent.body.toString());
    await page.getByText('v1,…').waitFor();
    expect(await page.content()).not.toContain('token-0123456789');
    // Each claim by the keyboard.
    await drawing.focus();
    await page.keyboard.press('ArrowUp');
    await page.getByRole('heading', { name: 'What came back (claim 3, first 4 KiB)' }).waitFor();
    await page.getByText('database is restarting').waitFor();
    await page.getByText('retry-after').waitFor();
    await page.getByText('name lookup 1.2 ms').waitFor();
  });

  test('a pending delivery says until when it waits and when it is tried next; Try now is asked and done', async () => {
    const page = await suite.open(`/deliveries/${pending}`);
    await page.getByText('deadline', { exact: true }).waitFor({ state: 'attached' });
    await page.getByText('expected in').first().waitFor();
    await page.getByText('now', { exact: true }).first().waitFor();
    expect(await page.locator('.timeline-bar.is-hollow').count()).toBe(3);
    fixed = true;
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByRole('heading', { name: /^.*Delivered in / }).waitFor();
    await page.getByText(/Redriven by/).waitFor();
    await page.getByRole('button', { name: 'Replay…' }).waitFor();
  });

  test('the list: filtered by the URL, opened with the keyboard alone', async () => {
    const page = await suite.open('/deliveries?state=dead&last=24h');
    await page.getByRole('heading', { name: '8 deliveries in the last 24 hours' }).waitFor();
    await page.getByText('Shown: dead letters').waitFor();
    await page.locator('.rows-row').first().waitFor();
    expect(await page.locator('.rows-row').count()).toBe(8);
    await page.getByText('These are all.').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 selected').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Dead letter: 1 attempt, none delivered' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: '8 deliveries in the last 24 hours' }).waitFor();
  });

  test('a row opens beside the list in a wide window, follows j and k, and Escape closes it', async () => {
    const page = await suite.open('/deliveries?state=dead&last=24h', { width: 1440 });
    await page.locator('.rows-row').nth(2).locator('.rows-type').click();
    const panel = page.getByRole('complementary', { name: /^Delivery dlv_/ });
    await panel.getByRole('heading', { name: /Dead letter: 1 attempt, none delivered/ }).waitFor();
    await panel.getByRole('button', { name: 'Redrive' }).waitFor();
    expect(await panel.getByRole('listitem').count()).toBe(1);
    const opened = new URL(page.url()).searchParams.get('open');
    expect(await page.locator('.rows-row[data-here]').getAttribute('aria-rowindex')).toBe('4');
    await expectAccessible(page);
    await expectNoOverflow(page);
    await picture(page, 'deliveries-beside');
    await page.keyboard.press('j');
    await page.waitForURL((url) => ![null, opened].includes(url.searchParams.get('open')));
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('?state=dead&last=24h');
    await page.setViewportSize({ width: 900, height: 800 });
    await page.locator('.rows-row').nth(2).locator('.rows-type').click();
    await page.waitForURL(`**/deliveries/${opened}`);
  });

  test('100,000 deliveries: however far it is scrolled, few rows are in the page, and its memory stays within bounds', async () => {
    const page = await suite.open('/deliveries?last=24h');
    await page.locator('.rows-row').first().waitFor();
    const all = 100_000;
    const answer = await request<{ items: Listed[] }>('GET', '/v1/deliveries?limit=1&include=event,endpoint');
    await page.route('**/v1/deliveries?*', async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const before = Number(query.get('cursor') ?? all);
      const limit = Number(query.get('limit'));
      const items = Array.from({ length: Math.min(limit, before) }, (_, n) => ({
        ...answer.items[0],
        id: `dlv_${String(before - n).padStart(10, '0')}`,
      }));
      const next = before > limit ? String(before - limit) : null;
      await route.fulfill({
        json: {
          ...answer,
          items,
          next_cursor: next,
          searched_to: '2026-11-20T00:00:00.000Z',
          rows_read: 200,
        },
      });
    });
    await page.reload();
    await page.locator('.rows-row').first().waitFor();
    const memory = (): Promise<number> =>
      page.evaluate(() => {
        Reflect.get(globalThis, 'gc')?.();
        return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
      });
    const atFirst = await memory();
    let most = 0;
    await until('5,000 are shown, which is where the list goes on at another time', async () => {
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      most = Math.max(most, await page.locator('.rows-row').count());
      return (await page.getByText('5,000 are shown.').count()) === 1;
    });
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThan(120);
    expect(await page.locator('*').count()).toBeLessThan(3000);
    // 5,000 rows as JSON are 4 MB.
    expect((await memory()) - atFirst).toBeLessThan(60_000_000);
    await page.getByRole('button', { name: 'Those before' }).click();
    await page.waitForURL(/until=/);
  });

  test('a part of the chart is chosen by dragging, and with Shift and the arrow keys', async () => {
    const page = await suite.open('/deliveries?last=24h');
    const chart = page.getByRole('img', { name: /^Deliveries by the time/ });
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 60, { steps: 4 });
    await page.getByText(/ to .*: Enter chooses it/).waitFor();
    await page.mouse.up();
    await expect.poll(() => page.url()).toMatch(/since=.*until=/);
    const lengthOf = (): number => {
      const query = new URL(page.url()).searchParams;
      return Date.parse(query.get('until')!) - Date.parse(query.get('since')!);
    };
    const hour = 3_600_000;
    expect(lengthOf()).toBeGreaterThan(4 * hour);
    expect(lengthOf()).toBeLessThan(12 * hour);
    await page.goto('/deliveries?last=24h');
    await chart.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).toMatch(/since=.*until=/);
    expect(lengthOf() % (5 * 60_000)).toBe(0);
  });

  test('filters are set in the sheet, are in the URL, and are taken out one by one', async () => {
    const page = await suite.open('/deliveries');
    await page.getByRole('button', { name: '+ Filter' }).click();
    const sheet = page.getByRole('dialog', { name: 'Show deliveries' });
    await sheet.getByRole('checkbox', { name: 'dead' }).check();
    await sheet.getByRole('checkbox', { name: 'http_5xx' }).check();
    await sheet.getByLabel('Endpoint: name or id').fill('ledger');
    await expectAccessible(page, 'the filters');
    await sheet.getByRole('button', { name: 'Show them' }).click();
    await expect.poll(() => new URL(page.url()).search).toContain('error_class=http_5xx');
    await page.getByText('Shown: dead letters, at ledger, http_5xx.').waitFor();
    await page.getByRole('heading', { name: '8 deliveries' }).waitFor();
    await page.getByRole('button', { name: 'Without the filter why' }).click();
    await expect.poll(() => new URL(page.url()).search).not.toContain('error_class');
  });

  test('all that match are redriven as one job after a dry run, or it is said why not', async () => {
    const page = await suite.open('/deliveries?state=dead&endpoint_id=ledger&status_code=503');
    await page.getByRole('button', { name: 'Redrive all that match…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive 8' }).waitFor();
    await expectAccessible(page, 'the dry run');
    await page.keyboard.press('Escape');
    await page.goto('/deliveries?state=dead&late=false');
    await page.locator('.rows-row').first().waitFor();
    const button = page.getByRole('button', { name: /Redrive all that match/ });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    expect(await button.getAttribute('title')).toContain('late');
  });

  test('pending deliveries are given up: the rows that are selected, then all that match, with their worth and a reason', async () => {
    await request('PUT', '/v1/endpoints/reports', {
      // Connections to it are refused.
      url: 'http://127.0.0.1:1/reports',
      event_types: ['report.made'],
      retry: { schedule_s: [3600] },
    });
    await request('POST', '/v1/events/batch', {
      events: [0, 1, 2].map((n) => ({
        id: `report_${n}`,
        type: 'report.made',
        value: { amount_minor: 1000, currency: 'EUR' },
        data: { n },
      })),
    });
    const page = await suite.open('/deliveries?event_type=report.made', { statuses: [409] });
    await page.locator('.rows-row input').first().check();
    await page.getByRole('button', { name: 'Cancel 1 delivery…' }).click();
    const dialog = page.getByRole('dialog');
    const go = dialog.getByRole('button', { name: /^Cancel \d/ });
    await go.and(page.locator('[aria-disabled=true]')).waitFor();
    await dialog.getByLabel('Why').fill("it's off");
    const one = await deliveryOf('report_2');
    await dialog.getByText(`posthorn cancel ${one.id} --reason 'it'\\''s off'`).waitFor();
    await go.click();
    await page.getByText('1 delivery cancelled').waitFor();
    await page.getByRole('button', { name: 'Cancel all that match…' }).click();
    await dialog.getByText('2 deliveries are pending for 1 endpoint, worth €20.00.').waitFor();
    await expectAccessible(page, 'what would be cancelled');
    await dialog.getByLabel('Why').fill('no reports');
    // One is settled while the dialog is open: it stays as it is, and that is said.
    await request('POST', `/v1/deliveries/${(await deliveryOf('report_1')).id}/cancel`, {
      reason: 'by hand',
    });
    await go.click();
    await page.getByText('1 delivery cancelled; 1 was settled in the meantime').waitFor();
    expect(
      (
        await request<{ items: readonly { reason: string }[] }>(
          'GET',
          '/v1/deliveries?event_type=report.made&order=asc',
        )
      ).items.map(({ reason }) => reason),
    ).toEqual(['cancelled: no reports', 'cancelled: by hand', "cancelled: it's off"]);
  });

  test('what a redrive took is listed by its id, of the last 30 days', async () => {
    const page = await suite.open('/deliveries?redrive_id=rdr_none');
    await page.getByText('No delivery like this was accepted in the last 30 days').waitFor();
    await page.getByText('redrive or replay: rdr_none').waitFor();
    expect(await page.getByText('This page does not know').count()).toBe(0);
  });

  test('new deliveries wait behind their number, and appear when they are asked for', async () => {
    const page = await suite.open('/deliveries?event_type=late.one');
    await page.getByText('No delivery like this').waitFor();
    await request('PUT', '/v1/endpoints/late', { url: good.url, event_types: ['late.one'] });
    await request('POST', '/v1/events', { type: 'late.one', data: {} });
    await page.getByRole('button', { name: '1 new' }).click();
    await page.locator('.rows-row').first().waitFor();
  });

  test('an event shows its data as it was published, and what became of it; the search finds it by its id', async () => {
    const page = await suite.open('/deliveries');
    await page.getByRole('heading', { name: /deliveries in the last 24 hours/ }).waitFor();
    await page.keyboard.press('/');
    await page.getByRole('combobox').fill('pi_3Q9x');
    await page.getByRole('option', { name: /pi_3Q9x/ }).waitFor();
    await picture(page, 'search');
    await expectAccessible(page, 'the search');
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Data of the event' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/events/default/pi_3Q9x');
    await page.getByText('4242 4242 4242 4242').waitFor();
    await page.getByText('delivered late').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill(dead);
    await page.getByRole('option', { name: /charge.refunded to/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /Dead letter/ }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('no such thing');
    await page.getByText('Nothing has that id or name').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Search' }).waitFor({ state: 'detached' });
    // Actions: at once, or with the dialog that asks first.
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('dark theme');
    await page.getByRole('option', { name: 'Theme: dark action' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('html[data-theme=dark]').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('pause 127.0.0.1');
    await page
      .getByRole('option', { name: /^Pause 127\.0\.0\.1.*… action$/ })
      .first()
      .click();
    const pause = page.getByRole('dialog', { name: /^Pause / });
    await pause.waitFor();
    await page.keyboard.press('Escape');
    await pause.waitFor({ state: 'detached' });
    expect(new URL(page.url()).search).toBe('');
  });

  test('a key without payloads sees none, and one that only reads sees why it cannot redrive', async () => {
    const { key } = await request<{ key: string }>('POST', '/v1/keys', {
      name: 'reader',
      scopes: ['read'],
      payloads: 'none',
    });
    const page = await suite.open(`/deliveries/${dead}`, { key });
    await page.getByText('Your key does not show payloads').first().waitFor();
    const button = page.getByRole('button', { name: /Redrive/ });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.click({ force: true });
    expect((await deliveryOf('ch_0')).state).toBe('dead');
  });

  test('what is not there is said, and the page around it stays', async () => {
    const page = await suite.open('/deliveries/dlv_00000000000', { statuses: [404] });
    await page.getByText('not_found').waitFor();
    await page.getByRole('link', { name: 'Deliveries' }).first().waitFor();
  });

  describe('whatever others write', () => {
    const hostile = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      '<svg onload=alert(1)>',
      '{{constructor.constructor("alert(1)")()}}',
      '\u202egnp.exe\u202c and \u2066x\u2069',
      '\ud800 alone',
      'a\u0000b\u0007c',
      `${'['.repeat(200)}1${']'.repeat(200)}`,
      `{"deep":${'{"a":'.repeat(80)}1${'}'.repeat(80)}}`,
      'x'.repeat(4000),
      '{"__proto__":{"x":1},"n":12345678901234567890}',
      '</pre></body></html><style>*{display:none}</style>',
      'javascript:alert(1)',
      '=1+1|cmd',
      '\u0301'.repeat(60),
      '\n\n\n\t\t line',
    ];

    test('is shown as text: no script runs, no report of the policy, nothing leaves its place', async () => {
      inStore(suite.server.dataDir, (db) => {
        const number = parseDeliveryId(dead)!;
        db.prepare('DELETE FROM attempts WHERE delivery = ?').run(number);
        const attempt = db.prepare(
          `INSERT INTO attempts (delivery, n, started_at, duration_ms, status_code, outcome, error_class, message,
             response_excerpt, trigger, node, lease_until, wire) VALUES (?, ?, ?, 100, 500, 'retry', 'http_5xx', ?, ?, 0, 'node', NULL, ?)`,
        );
        for (const [index, text] of hostile.entries()) {
          const stored = text.toWellFormed();
          const wire = {
            address: stored.slice(0, 100),
            phasesMs: { lookup: null, connect: null, proxy: null, tls: null, firstByte: 1 },
            headers: [[stored.slice(0, 60), stored]],
          };
          attempt.run(
            number,
            index + 1,
            Date.now() - 60_000 + index * 1000,
            stored.slice(0, 300),
            stored,
            JSON.stringify(wire),
          );
        }
        db.prepare('UPDATE deliveries SET claim = ?, attempts = ? WHERE number = ?').run(
          hostile.length,
          hostile.length,
          number,
        );
      });
      for (const [index, text] of hostile.entries())
        await request('POST', '/v1/events', {
          id: `hostile-${index}`,
          type: 'charge.refunded',
          ordering_key: `k${index}`,
          data: { text: text.toWellFormed() },
        });
      // On a phone, where least fits; the tests of all pages look at them on a desktop too.
      const width = 390;
      const page = await suite.open(`/deliveries/${dead}`, { width });
      await page.evaluate(() => Reflect.set(window, 'alert', () => Reflect.set(window, 'wasRun', true)));
      for (const n of [1, 2, 5, 8, 9, 10, hostile.length]) {
        await page.getByRole('button', { name: new RegExp(`^(claim )?${n}$`) }).click();
        await page.getByRole('heading', { name: `What came back (claim ${n}, first 4 KiB)` }).waitFor();
        await expectNoOverflow(page, `claim ${n} at ${width}`);
      }
      await page.getByText('⟨U+202E⟩').first().waitFor({ state: 'attached' });
      for (const index of [0, 4, 7, 9, 11]) {
        await page.goto(`/events/default/hostile-${index}`);
        await page.getByRole('region', { name: 'Data of the event' }).waitFor();
        await expectNoOverflow(page, `event ${index} at ${width}`);
      }
      expect(await page.evaluate(() => Reflect.get(window, 'wasRun'))).toBeUndefined();
      await page.context().close();
    });
  });
});
