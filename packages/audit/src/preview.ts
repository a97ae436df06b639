import { printable, withShownPaths } from 'posthorn/report';
import { type Database, text, withDatabase } from './database.ts';
import { load } from './read/load.ts';
import type { AuditOptions, Source } from './result.ts';

const shownLines = 3;
const shownLength = 300;

/** Three lines of each log, and what each was read as. */
export interface Preview {
  readonly source: Source;
  readonly records: readonly { readonly line: string; readonly read: Readonly<Record<string, string>> }[];
}

/** Reads the beginning of logs without an audit, so that users see how lines are understood. */
export async function preview(options: AuditOptions): Promise<Preview> {
  const { memoryMb = 1100, timezone = 'UTC', threads, signal } = options;
  return await withDatabase({ memoryMb, timezone, threads, signal }, async (database) => {
    const { source, raw } = await load(database, options);
    return { source, records: await readRecords(database, raw.slice(0, shownLines)) };
  });
}

async function readRecords(database: Database, raw: readonly string[]): Promise<Preview['records']> {
  const rows = await database.rows(`select * from raw order by place limit ${shownLines}`);
  return rows.map((row, index) => ({
    line: (raw[index] ?? '').slice(0, shownLength),
    read: Object.fromEntries(
      Object.entries(row)
        .filter(([name, value]) => value !== null && name !== 'place')
        .map(([name, value]) => [
          name,
          name.endsWith('_at') ? new Date(Number(value)).toISOString() : String(text(value) || value),
        ]),
    ),
  }));
}

/** Renders a preview for a terminal, without the secrets of URLs. */
export function previewText(raw: Preview): string {
  const { source, records } = printable(raw);
  return [
    `Read as ${source.format}: ${source.why.join('; ')}`,
    ...source.assumptions.map((one) => `  assumed: ${one}`),
    `Fields: ${source.fields.map(({ field, from, as }) => `${field} = ${from} (${as})`).join(', ')}`,
    ...records.flatMap(({ line, read }, index) => [
      '',
      `${index + 1}. ${withShownPaths(line)}`,
      ...Object.entries(read).map(([name, value]) => `   ${name.padEnd(14)} ${withShownPaths(value)}`),
    ]),
  ].join('\n');
}
