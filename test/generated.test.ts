import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { table } from '../packages/posthorn/src/contract/table.ts';
import { generatedFiles } from '../scripts/generate/files.ts';
import { createApi } from '../packages/client/src/resources.ts';

test('the generated files are those of the operations table: npm run generate', async () => {
  const files = Object.entries(await generatedFiles());
  expect(files.length).toBeGreaterThan(0);
  for (const [path, text] of files) expect(readFileSync(path, 'utf8'), path).toBe(text);
});

test('every operation of the contract is a method of its resource', () => {
  const api = createApi(async () => {});
  const methods = Object.entries(api).flatMap(([resource, its]) =>
    Object.keys(its as object).map((name) => `${resource}.${name}`),
  );
  expect(methods.toSorted()).toEqual(Object.keys(table).toSorted());
});
