import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Page as PageOfDashboard, pages } from '../../packages/dashboard/src/pages.ts';
import { type Operation } from '../../packages/posthorn/src/contract/operation.ts';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { until } from '../support.ts';
import { aHostileWorld, type HostileWorld, secretNames } from './hostile-world.ts';
import { browserSuite, expectNoOverflow } from './support.ts';

// Every page of the dashboard in every state that it can be in, on a server where all that others write is hostile. A page is
// looked at because it is in the table of pages: a new one needs no line here, or at most something for its parameter.

const suite = browserSuite();
/** Buttons of a page, and of a dialog, that are tried: of long lists the beginning shows what they do. */
const maxPressed = 6;
let world: HostileWorld;
let reader: string;
beforeAll(async () => {
  world = await aHostileWorld(suite.server);
  const made = await suite.server.client.request<{ key: string }>('POST', '/v1/keys', {
    name: 'reader',
    scopes: ['read'],
  });
  reader = made.key;
});
afterAll(async () => {
  await world.close();
});

const urlOf = ({ path }: PageOfDashboard): string =>
  path.replaceAll(/\$\w+/g, (name) => {
    const value = world.parameters[name];
    if (value === undefined) throw new Error(`say in the hostile world what ${name} of ${path} is`);
    return encodeURIComponent(value);
  });

/** There is nothing to compare yet: Impact says so. */
const refusals = [422];
/** The cumulative layout shift of a page that loads. */
const maxShift = 0.02;

/** Calls of a page, without those of what stands around it. */
const isReading = (route: Route): boolean => {
  const { pathname } = new URL(route.request().url());
  return !['/v1/me', '/v1/stream', '/v1/sessions'].includes(pathname);
};

const operations: readonly Operation[] = Object.values(table);

/** The operation of a request; null: of none. */
const operationOf = (method: string, pathname: string): Operation | null =>
  operations.find(
    (one) =>
      one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  ) ?? null;

/** What a caller that may read may ask for. */
const isOfReaders = ({ scope }: Operation): boolean => ['read', 'any', 'none'].includes(scope);

/** Waits until a page has everything that it asked for. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => document.querySelector('main h1') !== null && document.querySelector('[aria-busy=true]') === null,
  );
}

interface Shift {
  readonly value: number;
  readonly moved: readonly string[];
}

/** Runs before a page: notes a script that others brought, and what moves without a key press. */
function watchForFaults(): void {
  Reflect.set(globalThis, 'alert', () => Reflect.set(globalThis, 'wasRun', true));
  const shifts: Shift[] = [];
  Reflect.set(globalThis, 'shifts', shifts);
  type Entry = PerformanceEntry & {
    readonly value: number;
    readonly hadRecentInput: boolean;
    readonly sources: readonly { readonly node: Node | null }[];
  };
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as Entry[])
      if (!hadRecentInput)
        shifts.push({
          value,
          moved: sources.map(({ node }) => (node as Element | null)?.outerHTML?.slice(0, 120) ?? ''),
        });
  }).observe({ type: 'layout-shift', buffered: true });
}

const storeAway = {
  status: 503,
  contentType: 'application/problem+json',
  headers: { 'retry-after': '1' },
  json: { code: 'unavailable', detail: 'The store is away.', request_id: 'req_18' },
};

/** Presses a key of the page, wherever the focus is. */
async function pressKey(page: Page, key: string): Promise<void> {
  await page.evaluate(
    (pressed) =>
      void document.body.dispatchEvent(new KeyboardEvent('keydown', { key: pressed, bubbles: true })),
    key,
  );
}

/** Presses one of the buttons that are seen, and waits until it is drawn; false: there are not so many. */
async function pressed(page: Page, selector: string, at: number): Promise<boolean> {
  return await page.evaluate(
    async ([buttons, index]) => {
      const seen = [...document.querySelectorAll<HTMLElement>(buttons)].filter((one) =>
        one.checkVisibility(),
      );
      seen[index]?.click();
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return index < seen.length;
    },
    [selector, at] as const,
  );
}

/** `z` changes every time of day on the page, in tables and on axes, and changes it back. */
async function expectEveryTimeInTheZone(page: Page): Promise<void> {
  const times = (): Promise<{ readonly texts: readonly string[]; readonly axes: string }> =>
    page.evaluate(() => {
      const found = (selector: string): Element[] =>
        [...document.querySelectorAll(selector)].filter(({ textContent }) => /\d\d:\d\d/.test(textContent));
      return {
        texts: found('main time').map(({ textContent }) => textContent),
        // Midnight is midnight in each zone, and elsewhere on the axis.
        axes: found('main .chart svg > text')
          .map((text) => `${text.getAttribute('x')}: ${text.textContent}`)
          .join(),
      };
    });
  const utc = await times();
  await pressKey(page, 'z');
  const local = await times();
  expect(local.texts.length).toBe(utc.texts.length);
  expect(local.texts.filter((text, index) => text === utc.texts[index])).toEqual([]);
  if (utc.axes !== '') expect(local.axes).not.toBe(utc.axes);
  await pressKey(page, 'z');
  expect(await times()).toEqual(utc);
}

const paths = pages.map((page) => [page.path, page] as const);

/** A window that shows one page after the other: made by the first that needs it. */
function oneWindow<T>(open: () => Promise<T>): () => Promise<T> {
  let window: Promise<T> | null = null;
  return () => (window ??= open());
}

type Mode = 'hold' | 'refuse' | 'answer' | 'away';

const refuse = (route: Route): Promise<void> =>
  route.fulfill({
    status: 500,
    contentType: 'application/problem+json',
    json: { code: 'internal', detail: 'The disk is slow today.', request_id: 'req_17' },
  });

/** One whose readings are held, refused, answered, or told that the store is away. */
const held = oneWindow(async () => {
  const window = await suite.open('/healthz', { statuses: [500, 503, ...refusals], stays: true });
  const readings: { mode: Mode; routes: Route[] } = { mode: 'answer', routes: [] };
  await window.route('**/v1/**', async (route) => {
    const { mode } = readings;
    if (!isReading(route) || mode === 'answer') return await route.continue();
    if (mode === 'refuse') return await refuse(route);
    if (mode === 'away') return await route.fulfill(storeAway);
    readings.routes.push(route);
  });
  return { window, readings };
});

/** One that notes what moves. */
const watched = oneWindow(async () => {
  const window = await suite.open('/healthz', {
    statuses: refusals,
    stays: true,
    context: { reducedMotion: 'no-preference' },
  });
  await window.addInitScript(watchForFaults);
  const seen = { isRefused: false };
  window.on('response', (response) => {
    seen.isRefused ||= refusals.includes(response.status());
  });
  return { window, seen };
});

/** A receiver's, who came by a link. */
const ofReceiver = oneWindow(async () => {
  const { token } = await suite.server.client.request<{ token: string }>('POST', '/v1/portal-links', {
    tenant: 'default',
  });
  // A redrive of the teams is none of its.
  const window = await suite.open(`/portal#t=${token}`, { key: null, statuses: [404], stays: true });
  await settled(window);
  return window;
});

/** The window of a reader, with the changes that it asked for. */
const ofReader = oneWindow(async () => {
  const window = await suite.open('/healthz', { key: reader, statuses: [403, ...refusals], stays: true });
  const changes: string[] = [];
  await window.route('**/v1/**', async (route) => {
    const request = route.request();
    const operation = operationOf(request.method(), new URL(request.url()).pathname);
    if (operation !== null && request.method() !== 'GET' && !isOfReaders(operation))
      changes.push(`${request.method()} ${request.url()}`);
    await route.continue();
  });
  return { window, changes };
});

describe.each(paths)('%s', (_, page) => {
  test('loading, refused, recovered, and without its store: its shape; the reason with its request; the answer after another try, which stays under a band', async () => {
    const { window, readings } = await held();
    readings.mode = 'hold';
    readings.routes = [];
    await window.goto(urlOf(page));
    await window.locator('main h1').waitFor({ state: 'attached' });
    if (readings.routes.length > 0) await window.locator('.loading-shape').first().waitFor();
    expect(await window.getByRole('heading', { level: 1 }).count(), 'headings while it loads').toBe(1);
    readings.mode = 'refuse';
    await Promise.all(readings.routes.map(refuse));
    if (readings.routes.length > 0) {
      await window.getByText('The disk is slow today.').first().waitFor();
      await window.getByText('req_17').first().waitFor();
    }
    expect(await window.getByRole('heading', { level: 1 }).count(), 'headings when it is refused').toBe(1);
    await window.getByRole('navigation', { name: 'Pages', exact: true }).waitFor();
    readings.mode = 'answer';
    const refusal = window.getByText('The disk is slow today.');
    await until('nothing is refused any more', async () => {
      const again = window.getByRole('button', { name: 'Try again' }).first();
      if (await again.isVisible()) await again.click();
      return (await refusal.count()) === 0;
    });
    await settled(window);
    if (readings.routes.length === 0) return;
    // Its store goes away: everything is asked for again when live numbers go on.
    const heading = window.getByRole('heading', { level: 1 });
    const shown = await heading.innerText();
    readings.mode = 'away';
    await pressKey(window, ' ');
    await pressKey(window, ' ');
    const band = window.getByText(/cannot read its database now.*asked again every second.*as of/);
    await band.waitFor();
    expect(await heading.innerText(), 'what is shown while the store is away').toBe(shown);
    readings.mode = 'answer';
    await band.waitFor({ state: 'detached' });
  });

  test('others’ text stays text; nothing moves while it loads; every time is of the chosen zone; it fits 320 px, and twice the size', async () => {
    const { window, seen } = await watched();
    seen.isRefused = false;
    await window.goto(urlOf(page));
    await settled(window);
    const shifts = await window.evaluate(() => Reflect.get(globalThis, 'shifts') as readonly Shift[]);
    const moved = shifts.reduce((sum, { value }) => sum + value, 0);
    expect(moved, `what moved: ${JSON.stringify(shifts)}`).toBeLessThan(seen.isRefused ? 1 : maxShift);
    await expectEveryTimeInTheZone(window);
    const found = await window.evaluate(() => ({
      wasRun: Reflect.get(globalThis, 'wasRun') as unknown,
      // The page alone: the shell shows no text of others.
      elements: document.querySelectorAll(
        'main :is(img, iframe, object, embed, script, style, base, form[action], [onerror], [onload])',
      ).length,
      links: [...document.querySelectorAll('main a[href]')]
        .map((link) => link.getAttribute('href')!)
        .filter((href) => !href.startsWith('/') && !href.startsWith('#')),
      turned: /(?![\t\n])[\p{Cc}\p{Cf}]/u.test(document.body.textContent),
      jumps: document.querySelectorAll('[tabindex]:not([tabindex="0"], [tabindex="-1"])').length,
    }));
    expect(found).toEqual({ wasRun: undefined, elements: 0, links: [], turned: false, jumps: 0 });
    for (const width of [640, 320]) {
      await window.setViewportSize({ width, height: 800 });
      await expectNoOverflow(window, `${page.path} at ${width}`);
    }
    // Who asked for no motion sees none.
    await window.emulateMedia({ reducedMotion: 'reduce', forcedColors: 'active' });
    expect(await window.evaluate(() => document.getAnimations().length)).toBe(0);
    await window.emulateMedia({ reducedMotion: 'no-preference', forcedColors: 'none' });
    await window.setViewportSize({ width: 1280, height: 900 });
  });

  test('a receiver by its link: what is the teams’ is not there, and nothing names them (G9)', async () => {
    const window = await ofReceiver();
    await window.goto(urlOf(page));
    await settled(window);
    const text = await window.locator('body').innerText();
    if (page.isForTeams === true) expect(text).toContain('There is no such page.');
    else expect(text).not.toContain('Your key does not show this');
    for (const name of Object.values(secretNames)) expect(text).not.toContain(name);
  });

  test('with a key that only reads, whatever can be pressed changes nothing', async () => {
    const { window, changes } = await ofReader();
    changes.length = 0;
    await window.goto(urlOf(page));
    await settled(window);
    for (let at = 0; at < maxPressed; at++) {
      if (!(await pressed(window, 'main button:not([aria-disabled=true])', at))) break;
      let inner = 0;
      while (
        inner < maxPressed &&
        (await pressed(window, 'dialog[open] button:not([aria-disabled=true])', inner))
      )
        inner++;
      await window.keyboard.press('Escape');
    }
    expect(changes).toEqual([]);
  });
});
