import { expect, test } from 'vitest';
import { workerScript } from './worker-script.ts';

test('a worker is a file beside its module', () => {
  expect(workerScript('clock', import.meta.url).href).toMatch(/\/runtime\/clock\.ts$/);
});

test.each([undefined, 'file:///srv/app/bundle.js', import.meta.url])(
  'a bundle at %s has left it behind: the error says what to set',
  (url) => {
    expect(() => workerScript('no-such-worker', url)).toThrow(/serverExternalPackages: \['posthorn'\]/);
  },
);
