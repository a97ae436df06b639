import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { indexPage, referencePages } from '../../scripts/http-reference/pages.ts';

const folder = new URL('../../docs/reference/http/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const pages = referencePages(table);

test('the pages of the HTTP reference are those of the operations table (npm run docs:http)', () => {
  expect(readdirSync(folder).toSorted()).toEqual(['index.md', ...Object.keys(pages)].toSorted());
  for (const [name, page] of Object.entries(pages)) expect(read(name), name).toBe(page);
  expect(read('index.md')).toBe(indexPage(read('index.md'), table));
});

test('links within the reference lead somewhere', () => {
  const anchors = new Map(
    readdirSync(folder).map((name) => [
      name,
      new Set(
        [...read(name).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
          title!
            .toLowerCase()
            .replaceAll(/[^a-z0-9 -]/g, '')
            .replaceAll(' ', '-'),
        ),
      ),
    ]),
  );
  for (const name of anchors.keys())
    for (const [link, page, anchor] of read(name).matchAll(/\]\(([\w-]+\.md)?#([\w-]+)\)/g))
      expect(anchors.get(page ?? name)?.has(anchor!), `${name}: ${link}`).toBe(true);
});
