import { expect, test } from 'vitest';
import { errorKinds } from '../contract/errors.ts';
import { errorCodes } from '../domain/errors.ts';
import { errorPage } from './error-page.ts';

test.each(errorCodes)('the page of %s says what it means and what to do, in valid HTML', (code) => {
  const page = errorPage(code);
  const text = page
    .replaceAll(/<style>.*<\/style>|<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&amp;', '&');
  const plain = (given: string): string => given.replaceAll('`', '');
  expect(text).toContain(plain(errorKinds[code].meaning));
  expect(text).toContain(plain(errorKinds[code].remedy));
  expect(page).not.toContain('`');
  expect(page.match(/<code>/g)).toHaveLength(page.match(/<\/code>/g)!.length);
});
