import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, type FormatOptions } from 'oxfmt';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { clientFiles } from './client.ts';

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(here(path), 'utf8'));

/** Every generated file by its path, as it has to be. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const { version } = read('packages/client/package.json') as { version: string };
  const style = read('.oxfmtrc.json') as FormatOptions;
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(clientFiles(table, version))) {
    const { code, errors } = await format(name, text, style);
    if (errors.length > 0) throw new Error(`${name}: ${errors.map(({ message }) => message).join('; ')}`);
    files[here(`packages/client/src/generated/${name}`)] = code;
  }
  return files;
}
