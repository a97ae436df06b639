import { expect, test } from 'vitest';
import { maxOpenFiles, parseOpenFiles } from './open-files.ts';

test('the limit of open files is the soft one', () => {
  const head = 'Limit                     Soft Limit           Hard Limit           Units     \n';
  expect(
    parseOpenFiles(`${head}Max open files            1024                 524288               files     \n`),
  ).toBe(1024);
  expect(
    parseOpenFiles(`${head}Max open files            unlimited            unlimited            files     \n`),
  ).toBeNull();
  expect(parseOpenFiles('')).toBeNull();
  if (process.platform === 'linux') expect(maxOpenFiles()).toBeGreaterThan(0);
});
