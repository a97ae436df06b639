import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Settings } from '../../packages/posthorn/src/config/settings.ts';
import { buildDashboard } from '../../scripts/dashboard.ts';
import { apiKey, serve } from '../integration/serving.ts';
import { startChromium } from './chromium.ts';

// What a test file of the dashboard begins with: one Chromium, and a real server on SQLite in this process, so that every
// answer is compared with the contract as well.

export type Theme = 'light' | 'dark';
const themes = ['light', 'dark'] as const;
/** A desktop and a phone. */
const widths = [1280, 390] as const;
interface View {
  readonly width: (typeof widths)[number];
  readonly theme: Theme;
}
/** What tests look at, and what pictures are made of. */
const sampled: readonly View[] = [
  { width: 1280, theme: 'light' },
  { width: 390, theme: 'dark' },
];
const everyView: readonly View[] = widths.flatMap((width) => themes.map((theme) => ({ width, theme })));

export interface OpenOptions {
  readonly theme?: Theme;
  readonly width?: number;
  /** The API key to sign in with; null: without signing in. Default: the admin's. */
  readonly key?: string | null;
  /** Statuses that the test makes the server answer with: the browser's line about them is not a fault. */
  readonly statuses?: readonly number[];
  /** Lines of the console that the test brings about in another way, such as a server that is away. */
  readonly allowed?: RegExp;
  /** The time that its clock shows, and stays at. */
  readonly at?: number;
  /** It stays until all tests of the file have run: another page in the same window takes half of the processor time. */
  readonly stays?: boolean;
  /** What else a browser is set to: reduced motion, a zone, forced colors. */
  readonly context?: Parameters<Browser['newContext']>[0];
}

export type Serving = Awaited<ReturnType<typeof serve>>;
type ServingParts = Parameters<typeof serve>[2];

export interface Suite {
  readonly server: Serving;
  readonly browser: Browser;
  /** Opens a path of the dashboard in a window of its own. Whatever goes wrong in it fails the test. */
  open(path: string, options?: OpenOptions): Promise<Page>;
  /** Opens a path in another tab of the window that a page is in. */
  openBeside(page: Page, path: string): Promise<Page>;
}

const heights: Readonly<Record<number, number>> = { 1280: 900, 390: 844 };
const resourceFailure = /^Failed to load resource: the server responded with a status of (\d+)/;

/** Registers what starts before a file's tests and ends after them. `given`: settings of `posthorn serve`, or what makes them. */
export function browserSuite(
  given: Partial<Settings> | (() => Promise<{ settings: Partial<Settings>; parts: ServingParts }>) = {},
): Suite {
  let browser: Browser | null = null;
  let server: Serving | null = null;
  let contexts: BrowserContext[] = [];
  let faults: string[] = [];
  const provoked = new WeakMap<BrowserContext, (line: string) => boolean>();

  const started = <T>(part: T | null): T => {
    if (part === null) throw new Error('the browser and the server start before the first test');
    return part;
  };
  const fault = (page: Page, kind: string, text: string): void => {
    faults.push(`${new URL(page.url()).pathname}: ${kind}: ${text}`);
  };
  const watch = (page: Page): void => {
    page.on('pageerror', (error) => fault(page, 'page error', error.stack ?? String(error)));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      if (provoked.get(page.context())?.(message.text()) === true) return;
      fault(page, 'console', `${message.text()} (${message.location().url})`);
    });
  };

  beforeAll(async () => {
    await buildDashboard();
    const { settings, parts } = typeof given === 'function' ? await given() : { settings: given, parts: {} };
    [browser, server] = await Promise.all([
      startChromium({ hidesScrollbars: pictureFolder !== undefined }),
      serve(settings, undefined, parts),
    ]);
  });
  afterEach(async () => {
    await Promise.all(contexts.map((context) => context.close()));
    contexts = [];
    const found = faults;
    faults = [];
    expect(found, 'what went wrong in the browser').toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  return {
    get server() {
      return started(server);
    },
    get browser() {
      return started(browser);
    },
    async open(path, { theme = 'light', width = 1280, key = apiKey, ...options } = {}) {
      const { statuses = [], allowed, at, stays = false, context: more = {} } = options;
      const context = await started(browser).newContext({
        baseURL: started(server).url,
        locale: 'en-US',
        timezoneId: 'Europe/Berlin',
        colorScheme: theme,
        viewport: { width, height: heights[width] ?? 900 },
        hasTouch: width < 600,
        // Drawn by the processor, an animation costs more than the page: a test that is about motion asks for it.
        reducedMotion: 'reduce',
        ...more,
      });
      if (!stays) contexts.push(context);
      // A bound for what hangs, as in the suite: its default is short for a machine with ten times as much to do.
      context.setDefaultTimeout(90_000);
      if (at !== undefined) await context.clock.setFixedTime(at);
      // Who is not signed in is answered 401, which the browser notes as an error of the page.
      const expected = new Set(key === null ? [401, ...statuses] : statuses);
      provoked.set(
        context,
        (line) => expected.has(Number(resourceFailure.exec(line)?.[1])) || allowed?.test(line) === true,
      );
      context.on('page', watch);
      await context.exposeBinding('__violation', ({ page }, text: string) => fault(page, 'CSP', text));
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          const { violatedDirective, blockedURI, sample, sourceFile } = event;
          const report = Reflect.get(window, '__violation') as (text: string) => void;
          report(`${violatedDirective} ${blockedURI} ${sample} ${sourceFile}`);
        });
      });
      if (key !== null) await signIn(context, key);
      return await opened(context, path);
    },
    openBeside: async (page, path) => await opened(page.context(), path),
  };
}

async function opened(context: BrowserContext, path: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(path);
  return page;
}

/** Gives a window the session that signing in with this key begins. */
async function signIn(context: BrowserContext, key: string): Promise<void> {
  const response = await context.request.post('/v1/sessions', { data: { key } });
  expect(response.status(), await response.text()).toBe(201);
}

let axeSource: Promise<string> | null = null;

/** Checks a page with axe: every rule of WCAG 2.2 A and AA, and best practices of regions and headings. */
export async function expectAccessible(page: Page, what = page.url()): Promise<void> {
  axeSource ??= readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
  await page.evaluate(await axeSource);
  const { violations } = await page.evaluate(async () => {
    const axe = Reflect.get(window, 'axe') as { run(options: RunOptions): Promise<AxeResults> };
    // What passes is not described: on a list of 200 rows that takes as long as looking for what does not.
    return await axe.run({ resultTypes: ['violations'], preload: false });
  });
  const found = violations.map(({ id, impact, help, nodes }) => ({
    id,
    impact,
    help,
    nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html}\n${failureSummary ?? ''}`),
  }));
  expect(found, `axe on ${what}`).toEqual([]);
}

/** Checks that nothing makes a page wider than its window. */
export async function expectNoOverflow(page: Page, what = page.url()): Promise<void> {
  const found = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 0.5,
    );
    return [
      `${scrollWidth} of ${clientWidth}`,
      ...wide.slice(0, 8).map(({ outerHTML }) => outerHTML.slice(0, 200)),
    ];
  });
  expect(found, `width of ${what}`).toEqual([]);
}

/** Where pictures go, to look at; without it none are made. As `webp` they are a third as large, for documentation. */
const pictureFolder = process.env['POSTHORN_TEST_PICTURES'];
const pictureFormat = process.env['POSTHORN_TEST_PICTURE_FORMAT'] === 'webp' ? 'webp' : 'png';
const pictureQuality = 85;

/** The beginning of a long list shows what it is. */
const maxPictureHeight = 1600;

/** Makes a picture of a page as `name-1280-light.png`, if the environment says where to. */
export async function picture(page: Page, name: string): Promise<void> {
  if (pictureFolder === undefined) return;
  const size = page.viewportSize()!;
  await mkdir(pictureFolder, { recursive: true });
  const isDark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  const file = `${name}-${size.width}-${isDark ? 'dark' : 'light'}.${pictureFormat}`;
  const scrollHeight = await page.evaluate(() => {
    document.documentElement.style.scrollbarGutter = 'auto';
    return document.documentElement.scrollHeight;
  });
  const height = Math.min(scrollHeight, maxPictureHeight);
  // The window is as high as the picture: what keeps to its bottom stands at the bottom, and long lists are drawn as far as that.
  await page.setViewportSize({ width: size.width, height });
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', {
    format: pictureFormat,
    ...(pictureFormat === 'webp' ? { quality: pictureQuality } : {}),
  });
  await session.detach();
  await writeFile(join(pictureFolder, file), Buffer.from(data, 'base64'));
  await page.setViewportSize(size);
}

/** Checks that a page that shows what it is for fits its window and is accessible, and makes a picture of it if the environment says where to. */
async function expectGoodView(page: Page, name: string, theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme });
  // One that is replaced by another never finishes.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
  const view = `${name} at ${page.viewportSize()?.width}, ${theme}`;
  await expectNoOverflow(page, view);
  // Who makes pictures waits for them, and not for axe: the tests have looked.
  if (pictureFolder === undefined) await expectAccessible(page, view);
  else await picture(page, name);
}

export interface ViewOptions extends OpenOptions {
  readonly name: string;
  readonly ready: (page: Page) => Promise<unknown>;
}

/**
 * Looks at a page light on a desktop and dark at a phone's width: `ready` brings it to where it shows what it is for. Each view
 * must be accessible and fit its window. Where pictures are asked for, there is one of each theme and width.
 */
export async function expectGoodViews(
  suite: Suite,
  path: string,
  { name, ready, ...options }: ViewOptions,
): Promise<void> {
  const views = pictureFolder === undefined ? sampled : everyView;
  for (const ofWidth of Map.groupBy(views, ({ width }) => width).values()) {
    const page = await suite.open(path, { ...options, width: ofWidth[0]!.width });
    await ready(page);
    for (const { theme } of ofWidth) await expectGoodView(page, name, theme);
    await page.context().close();
  }
}
