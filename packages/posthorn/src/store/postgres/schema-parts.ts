import type { Connection } from './database.ts';

/** What stands between commas at the top level: `a int, PRIMARY KEY (b, c)` has two parts. */
function partsBetweenCommas(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** What stands within the first parentheses of a text, up to the one that closes them. */
function withinParentheses(text: string): string {
  const from = text.indexOf('(') + 1;
  let depth = 1;
  let to = from;
  for (; to < text.length && depth > 0; to++) depth += text[to] === '(' ? 1 : text[to] === ')' ? -1 : 0;
  return text.slice(from, to - 1);
}

const constraint = /^(CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE)\b/;

function alter(parts: Set<string>, table: string, actions: string): void {
  const renamed = /^RENAME TO (\w+)$/.exec(actions)?.[1];
  if (renamed !== undefined) {
    const columns = [...parts].filter((part) => part.startsWith(`column ${table}.`));
    forget(parts, table);
    parts.add(`table ${renamed}`);
    for (const column of columns) parts.add(column.replace(`${table}.`, `${renamed}.`));
    return;
  }
  const column = /^RENAME (?:COLUMN )?(\w+) TO (\w+)$/.exec(actions);
  if (column !== null) {
    parts.delete(`column ${table}.${column[1]!}`);
    parts.add(`column ${table}.${column[2]!}`);
  }
  for (const action of partsBetweenCommas(actions)) {
    const added = /^ADD COLUMN (?:IF NOT EXISTS )?(\w+)/.exec(action)?.[1];
    if (added !== undefined) parts.add(`column ${table}.${added}`);
    const dropped = /^DROP COLUMN (?:IF EXISTS )?(\w+)/.exec(action)?.[1];
    if (dropped !== undefined) parts.delete(`column ${table}.${dropped}`);
  }
}

function forget(parts: Set<string>, table: string): void {
  for (const part of parts)
    if (part === `table ${table}` || part.startsWith(`column ${table}.`)) parts.delete(part);
}

/** Tables with their columns, and functions, that these statements make: read from their text, so nothing is kept twice. */
export function partsMadeBy(statements: readonly string[]): Set<string> {
  const parts = new Set<string>();
  for (const statement of statements) {
    const text = statement.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim();
    const made = /^CREATE TABLE posthorn\.(\w+) \(/.exec(text)?.[1];
    if (made !== undefined) {
      parts.add(`table ${made}`);
      for (const column of partsBetweenCommas(withinParentheses(text)))
        if (!constraint.test(column)) parts.add(`column ${made}.${column.split(' ')[0]!}`);
    }
    const dropped = /^DROP TABLE (?:IF EXISTS )?posthorn\.(\w+)/.exec(text)?.[1];
    if (dropped !== undefined) forget(parts, dropped);
    const altered = /^ALTER TABLE posthorn\.(\w+) (.*)$/.exec(text);
    if (altered !== null) alter(parts, altered[1]!, altered[2]!);
    const named = /^CREATE OR REPLACE FUNCTION posthorn\.(\w+)/.exec(text)?.[1];
    if (named !== undefined) parts.add(`function ${named}`);
  }
  return parts;
}

/** What the schema `posthorn` has. */
export async function partsThere(db: Pick<Connection, 'query'>): Promise<Set<string>> {
  const columns = await db.query(
    '',
    `SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = to_regnamespace('posthorn') AND c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped`,
  );
  const functions = await db.query(
    '',
    "SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace('posthorn')",
  );
  return new Set([
    ...columns.flatMap(([table, column]) => [
      `table ${String(table)}`,
      `column ${String(table)}.${String(column)}`,
    ]),
    ...functions.map(([name]) => `function ${String(name)}`),
  ]);
}

/** What is expected and not there; a missing table is named without its columns. */
export function missingParts(expected: ReadonlySet<string>, there: ReadonlySet<string>): string[] {
  const missing = [...expected].filter((part) => !there.has(part));
  return missing.filter(
    (part) => !part.startsWith('column ') || !missing.includes(`table ${part.slice(7).split('.')[0]!}`),
  );
}
