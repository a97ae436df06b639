import { printable, printableJson, printableLines } from '../domain/printable.ts';
import { wrapped } from './wrap.ts';

/** A command failed in a way that the operator can fix; `code` is the exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** The exit code of shells for a command that was ended by SIGINT. */
export const interrupted = 130;

/** The reader of standard output is gone. */
let isOutputClosed = false;
let isOutputLost = false;

/**
 * A reader that has seen enough (`posthorn deliveries | head`) does not end a command: the command finishes its work,
 * and its exit code says how that went (G5). Output that is lost for another reason, such as a full disk, is a failure.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      isOutputClosed = true;
      return;
    }
    if (isOutputLost) return;
    isOutputLost = true;
    process.once('exit', () => {
      if (process.exitCode === undefined || process.exitCode === 0) process.exitCode = 1;
    });
    note(`posthorn: cannot write the output: ${error.message}`);
  });
  // Messages without a reader do not end a command either.
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
}

function write(text: string): boolean {
  return isOutputClosed || process.stdout.write(text);
}

/** Prints text for people, in lines that fit the terminal: data in it cannot move the cursor or hide itself. */
export function print(text = ''): void {
  const width = outputWidth();
  write(
    `${printableLines(text)
      .split('\n')
      .map((line) => wrapped(line, width))
      .join('\n')}\n`,
  );
}

/** Prints data for people, such as indented JSON: its lines stay whole. */
export function printData(text: string): void {
  write(`${printableLines(text)}\n`);
}

/** Prints text for programs (JSON, YAML) exactly as it is. */
export function printExact(text: string): void {
  write(`${text}\n`);
}

/** Prints JSON for programs; on a terminal, invisible characters are written as JSON escapes, which is the same data. */
export function printJson(value: unknown): void {
  const json = JSON.stringify(value);
  printExact(process.stdout.isTTY ? printableJson(json) : json);
}

/** Prints one of many lines for programs, as fast as they are read; false: the reader is gone. */
export async function printStreamed(line: string): Promise<boolean> {
  const { stdout } = process;
  if (!write(`${line}\n`))
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdout.off('drain', done).off('error', done);
        resolve();
      };
      stdout.on('drain', done).on('error', done);
    });
  return !isOutputClosed && !isOutputLost;
}

/** On a terminal, clears the screen for the next output; writes nothing to a file or a program. */
export function clearScreen(): void {
  if (process.stdout.isTTY && process.env['TERM'] !== 'dumb') write('\u001b[H\u001b[2J');
}

export function note(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

/** Width of the terminal that reads the output; infinite if a file or a program does. */
export function outputWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
}

/**
 * Aligns columns by width, numbers to the right. Every cell stays on its line; what a damaged store lacks is empty. A
 * table too wide for the terminal becomes a block for each row: truncated ids could not be copied.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  maxWidth = outputWidth(),
): string {
  const cells = rows.map((row) =>
    row.map((cell) =>
      typeof cell === 'number' ? cell.toLocaleString('en-US') : printable(String(cell ?? '')),
    ),
  );
  const widths = header.map((title, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  );
  const isTooWide = widths.reduce((sum, width) => sum + width + 2, -2) > maxWidth;
  if (isTooWide && cells.length > 0)
    return cells.map((row) => fields(row.map((cell, column) => [header[column] ?? '', cell]))).join('\n\n');
  const right = header.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

/** A line for each field that is not empty, its values one beneath the other. */
export function fields(rows: readonly (readonly [title: string, value: string])[]): string {
  const width = Math.max(...rows.map(([title]) => title.length));
  return rows
    .flatMap(([title, value]) => (value === '' ? [] : [`${title.padEnd(width)}  ${value}`]))
    .join('\n');
}

/**
 * Progress on standard error: one line rewritten on a terminal, else an occasional line. `total` null: the total is not
 * known.
 */
export function progress(total: number | null): { at(done: number, words?: string): void; end(): void } {
  const live = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  // To a file or a script, only long work reports its progress.
  let shown = live ? 0 : Date.now();
  let last = '';
  return {
    at: (done, words = '') => {
      const now = Date.now();
      if (now - shown < (live ? 100 : 5000)) return;
      shown = now;
      last = `${total === null ? done.toLocaleString('en-US') : progressBar(done, total)} ${printable(words)}`;
      process.stderr.write(live ? `\r\u001b[K${last}` : `${last}\n`);
    },
    end: () => {
      if (live && last !== '') process.stderr.write('\r\u001b[K');
    },
  };
}

function progressBar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const bar = '█'.repeat(Math.round(share * 24)).padEnd(24, '░');
  return `${bar} ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`;
}
