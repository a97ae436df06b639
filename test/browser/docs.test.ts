import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { buildDocs } from '../../scripts/docs.ts';
import { browserSuite, expectGoodViews } from './support.ts';

// The documentation as readers have it: served by Posthorn at /docs, without a key, found by search without another server.

const suite = browserSuite(async () => {
  await buildDocs();
  return { settings: {}, parts: {} };
});
const open = (path: string, width = 1280): Promise<Page> => suite.open(path, { key: null, width });

test.each([
  // Short ones with everything that pages have: axe takes its time for long ones.
  ['guide', '/docs/guides/filters'],
  ['runbook', '/docs/runbooks/unaccounted'],
  ['reference', '/docs/reference/http/nodes'],
])('%s is good to read', async (name, path) => {
  await expectGoodViews(suite, path, {
    name: `docs-${name}`,
    key: null,
    ready: async (page) => await page.getByRole('searchbox').waitFor(),
  });
});

test.each([
  ['verify a signature in PHP', 'php', 'Verify a signature', '/docs/guides/verifying#php'],
  ['what tls means', 'tls', 'Failure classes', '/docs/reference/failure-classes#tls'],
  ['restore a backup', 'restore', 'Deploying', '/docs/operating/deploy#restore'],
  ['unaccounted pages', 'unaccounted', 'Runbooks', '/docs/runbooks/unaccounted'],
])('%s: one search, one click', async (_, words, __, url) => {
  const page = await open('/docs/start');
  await page.keyboard.press('/');
  await page.keyboard.type(words);
  await page.locator(`#found a[href="${url}"]`).first().click();
  await expect.poll(() => new URL(page.url()).pathname + new URL(page.url()).hash).toBe(url);
  const anchor = new URL(page.url()).hash;
  if (anchor !== '') await page.locator(`main ${anchor}`).waitFor();
});

test('what is found is reached by keys; what is not is said', async () => {
  const page = await open('/docs');
  await page.keyboard.press('/');
  await page.keyboard.type('dead letters');
  await page.locator('#found a').first().waitFor();
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate(() => document.activeElement?.matches('#found a'))).toBe(true);
  await page.keyboard.press('Escape');
  expect(await page.locator('#found').isVisible()).toBe(false);
  await page.getByRole('searchbox').fill('xyzzyplugh');
  await page.getByText('Nothing is found for “xyzzyplugh”.').waitFor();
});

test('every link of the navigation leads to a page', async () => {
  const page = await open('/docs');
  const links = await page
    .locator('nav.pages a')
    .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
  expect(links.length).toBeGreaterThan(60);
  const wrong: string[] = [];
  for (const link of links) if ((await fetch(link)).status !== 200) wrong.push(link);
  expect(wrong).toEqual([]);
});
