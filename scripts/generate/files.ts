import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, type FormatOptions } from 'oxfmt';
import { z } from 'zod';
import { auditResult } from '../../packages/audit/src/result-schema.ts';
import { table } from '../../packages/posthorn/src/contract/table.ts';
import { exportedFiles } from '../../packages/posthorn/src/reliability/prometheus/export.ts';
import { clientFiles, versionFile } from './client.ts';
import { commandsPage } from './commands.ts';
import { pathsFile } from './paths.ts';

const here = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(here(path), 'utf8'));

/** Returns the expected content of every generated file by its path. */
export async function generatedFiles(): Promise<Readonly<Record<string, string>>> {
  const { version } = read('packages/client/package.json') as { version: string };
  const { version: ofPosthorn } = read('packages/posthorn/package.json') as { version: string };
  const style = read('.oxfmtrc.json') as FormatOptions;
  // A constant, because an application may be bundled into one file without a package next to it.
  const files: Record<string, string> = { 'packages/posthorn/src/version.ts': versionFile(ofPosthorn) };
  for (const [name, text] of Object.entries(clientFiles(table, version)))
    files[`packages/client/src/generated/${name}`] = text;
  files['packages/dashboard/src/generated/paths.ts'] = pathsFile(table);
  const formatted: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) {
    const { code, errors } = await format(path, text, style);
    if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`);
    formatted[here(path)] = code;
  }
  formatted[here('docs/reference/commands.md')] = await commandsPage();
  // Readers must not refuse fields that later versions add, so the schema is that of an input.
  formatted[here('docs/reference/audit-result.schema.json')] =
    `${JSON.stringify(z.toJSONSchema(auditResult, { io: 'input' }), null, 2)}\n`;
  // What `posthorn rules export` writes without objectives, where the compose file looks for it.
  for (const { name, text } of exportedFiles([]))
    if (name.endsWith('.json'))
      formatted[here(`deploy/compose/${name.replace('grafana/', 'grafana/dashboards/')}`)] = text;
    else if (name === 'posthorn-rules.yaml') formatted[here(`deploy/compose/prometheus/${name}`)] = text;
  return formatted;
}
