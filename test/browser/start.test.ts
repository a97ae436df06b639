import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { browserSuite, expectAccessible, expectGoodViews, expectNoOverflow } from './support.ts';

// The equipment of the other tests: Chromium starts, the server answers it, and what is wrong with a page is found.

const suite = browserSuite();

const setBody = async (page: Page, body: string): Promise<void> =>
  await page.setContent(`<!doctype html><html lang="en"><title>A page</title><body>${body}</body></html>`);

test('the server answers a browser at its root', async () => {
  const page = await suite.open('/', { key: null });
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('a good page is good in both themes and widths', async () => {
  await expectGoodViews(suite, '/healthz', {
    name: 'good',
    key: null,
    ready: async (page) => await setBody(page, '<main><h1>Good</h1></main>'),
  });
});

test('what is not accessible, and what is wider than its window, is found', async () => {
  const page = await suite.open('/healthz', { key: null, width: 390 });
  await setBody(page, '<main><h1>Bad</h1><button></button><pre style="width: 500px">wide</pre></main>');
  await expect(expectAccessible(page)).rejects.toThrow('button-name');
  await expect(expectNoOverflow(page)).rejects.toThrow('500 of 390');
});
