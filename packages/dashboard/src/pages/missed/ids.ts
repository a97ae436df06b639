/** Where ids are, by the names that tools give them. */
const idNames = ['webhook-id', 'webhook_id', 'event_id', 'eventId', 'id'];

/** A line without an id, as text for the author of the file. */
export class NoIdError extends Error {
  override readonly name = 'NoIdError';
}

/** The cells of a row, quotes taken off. */
function cellsOf(row: string, separator: string): readonly string[] {
  const cells: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let at = 0; at < row.length; at++) {
    const character = row[at]!;
    if (character === '"') {
      if (isQuoted && row[at + 1] === '"') cell += row[++at]!;
      else isQuoted = !isQuoted;
    } else if (character === separator && !isQuoted) {
      cells.push(cell.trim());
      cell = '';
    } else cell += character;
  }
  if (isQuoted) throw new NoIdError('has a quote that does not end');
  return [...cells, cell.trim()];
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fromJson(text: string): string {
  const value = valueOf(text);
  if (typeof value === 'string') return value;
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const id = idNames.map((name) => fields[name]).find((one) => one !== undefined);
  if (typeof id !== 'string') throw new NoIdError('does not have an id, event_id or webhook-id');
  return id;
}

/** How lines are read, by the first of them. */
function readerOf(first: string): { readonly idIn: (line: string) => string; readonly isHeader: boolean } {
  if (/^\s*["{]/.test(first) && valueOf(first) !== undefined) return { idIn: fromJson, isHeader: false };
  const separator = [',', ';', '\t'].find((one) => first.includes(one));
  const names = separator === undefined ? [first.trim()] : cellsOf(first, separator);
  const at = idNames.map((name) => names.indexOf(name)).find((place) => place >= 0);
  if (separator === undefined) return { idIn: (line) => line.trim(), isHeader: at !== undefined };
  if (at === undefined)
    throw new NoIdError(`has several columns, and none of them is named ${idNames.join(', ')}`);
  return {
    idIn: (line) => {
      const id = cellsOf(line, separator)[at];
      if (id === undefined || id === '') throw new NoIdError(`has an empty column ${names[at]!}`);
      return id;
    },
    isHeader: true,
  };
}

/**
 * Takes the ids out of lines of text, CSV with a header, or JSON; the first line says which. A line without one is refused: an
 * id that is skipped would be called missing.
 */
function idReader(): (line: string) => string | null {
  let number = 0;
  let idIn: ((line: string) => string) | null = null;
  return (line) => {
    number++;
    if (line.trim() === '') return null;
    try {
      if (idIn === null) {
        const reader = readerOf(line);
        idIn = reader.idIn;
        if (reader.isHeader) return null;
      }
      return idIn(line);
    } catch (error) {
      if (!(error instanceof NoIdError)) throw error;
      throw new NoIdError(`Line ${number} ${error.message}.`);
    }
  };
}

/** Characters of a part of the new file: the browser keeps parts outside of the page's memory. */
const partLength = 256 * 1024;

export interface IdFile {
  readonly lines: Blob;
  readonly count: number;
}

/** The ids of a file of any length, one a line, as the server takes them. `onRead` hears of the bytes that were read. */
export async function idsIn(
  file: Blob,
  onRead: (bytes: number, ids: number) => void,
  signal: AbortSignal,
): Promise<IdFile> {
  const take = idReader();
  const parts: Blob[] = [];
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = file.stream().getReader();
  let rest = '';
  let part = '';
  let count = 0;
  let bytes = 0;
  const add = (line: string): void => {
    const id = take(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (id === null) return;
    count++;
    part += `${JSON.stringify(id)}\n`;
    if (part.length < partLength) return;
    parts.push(new Blob([part]));
    part = '';
  };
  for (;;) {
    const { done, value } = await reader.read();
    signal.throwIfAborted();
    if (done) break;
    bytes += value.length;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) add(line);
    onRead(bytes, count);
  }
  if (rest !== '') add(rest);
  return { lines: new Blob([...parts, part]), count };
}
