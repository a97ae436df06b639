import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { indexPage, referencePages } from './pages.ts';

// Writes docs/reference/http from the operations table.

const folder = new URL('../../docs/reference/http/', import.meta.url);
const index = new URL('index.md', folder);
const pages = referencePages(table);

for (const name of readdirSync(folder))
  if (name !== 'index.md' && !(name in pages)) rmSync(new URL(name, folder));
for (const [name, text] of Object.entries(pages)) writeFileSync(new URL(name, folder), text);
writeFileSync(index, indexPage(readFileSync(index, 'utf8'), table));
