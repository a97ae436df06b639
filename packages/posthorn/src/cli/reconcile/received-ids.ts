import { type InputLine, isBlank } from '../../logs/lines.ts';
import { note } from '../output.ts';
import { type LineInput, openLines } from '../publish/input.ts';

/** Fields of ids, by the names that tools give them. */
const idNames = ['webhook-id', 'webhook_id', 'event_id', 'eventId', 'id'];

/** A line without an id; `message` follows its number. */
export class NoIdError extends Error {
  override readonly name = 'NoIdError';
}

/** Extracts the id from a line; null: the line has none, and needs none. */
type Taker = (text: string) => string | null;

/** The cells of a CSV row (RFC 4180, without line breaks in cells). */
export function cellsOf(row: string, separator: string): string[] {
  const cells: string[] = [];
  let at = 0;
  do {
    if (row[at] === '"') {
      let cell = '';
      for (at++; ; at++) {
        const end = row.indexOf('"', at);
        if (end < 0) throw new NoIdError('has an unclosed quote');
        cell += row.slice(at, end);
        at = end + 1;
        if (row[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
    } else {
      const end = row.indexOf(separator, at);
      cells.push(row.slice(at, end < 0 ? row.length : end).trim());
      at = end < 0 ? row.length : end;
    }
    if (at < row.length && row[at] !== separator) throw new NoIdError('has text after a quoted cell');
  } while (at++ < row.length);
  return cells;
}

function fromJson(text: string, column: string | null): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NoIdError('is not JSON, unlike the first line');
  }
  if (typeof value === 'string') return value;
  const fields: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  const id = (column === null ? idNames : [column])
    .map((name) => fields[name])
    .find((one) => one !== undefined);
  if (typeof id !== 'string') throw new NoIdError(`does not have a string in ${column ?? 'id'}`);
  return id;
}

/** How to read the lines of an input, decided by the first of them, which may be a header. */
function takerFrom(
  first: string,
  column: string | null,
): { readonly take: Taker; readonly isHeader: boolean } {
  if (/^\s*["{]/.test(first) && isJson(first))
    return { take: (text) => fromJson(text, column), isHeader: false };
  const separator = [',', ';', '\t'].find((one) => first.includes(one));
  const names = separator === undefined ? [first.trim()] : cellsOf(first, separator);
  const at = (column === null ? idNames : [column])
    .map((name) => names.indexOf(name))
    .find((place) => place >= 0);
  if (at === undefined && column !== null)
    throw new NoIdError(`does not have the column ${column}. Columns: ${names.join(', ')}`);
  if (separator === undefined) return { take: (text) => text.trim(), isHeader: at !== undefined };
  if (at === undefined)
    throw new NoIdError(
      `has several columns, and none is named ${idNames.join(', ')}: name it with --column`,
    );
  return {
    take: (text) => {
      const cell = cellsOf(text, separator)[at];
      if (cell === undefined || cell === '') throw new NoIdError(`has an empty column ${names[at]!}`);
      return cell;
    },
    isHeader: true,
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Opens a file of ids, or standard input (`-`), and says so on a terminal. */
export async function openIds(file: string): Promise<LineInput> {
  const input = await openLines(file);
  if (file === '-' && process.stdin.isTTY) note('reading ids from standard input, one per line …');
  return input;
}

/**
 * The ids in the lines of an input: JSON lines (an id, or an object that has one), CSV with a header, or plain text.
 * The first line decides. Rejects with `NoIdError`, which names the line: a skipped id would be reported as missing
 * (G5).
 */
export async function* receivedIds(
  groups: AsyncIterable<readonly InputLine[]>,
  column: string | null,
): AsyncGenerator<string> {
  let take: Taker | null = null;
  for await (const lines of groups)
    for (const line of lines) {
      if ('fault' in line) throw new NoIdError(`line ${line.number} is ${line.fault}`);
      if (isBlank(line.text)) continue;
      try {
        if (take === null) {
          const taker = takerFrom(line.text, column);
          take = taker.take;
          if (taker.isHeader) continue;
        }
        const id = take(line.text);
        if (id !== null) yield id;
      } catch (error) {
        if (!(error instanceof NoIdError)) throw error;
        throw new NoIdError(`line ${line.number} ${error.message}`);
      }
    }
}
