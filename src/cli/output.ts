/** A command failed in a way that a person can do something about; `code` is the exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** As a shell says that a command was ended by SIGINT. */
export const interrupted = 130;

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Columns aligned by width; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)),
  );
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const right = header.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

/** Progress on standard error: one line rewritten on a terminal, else a line now and then. */
export function progress(total: number): { at(done: number, words?: string): void; end(): void } {
  const live = process.stderr.isTTY === true;
  // Into a file or a script, only what takes long says how far it is.
  let shown = live ? 0 : Date.now();
  let last = '';
  return {
    at: (done, words = '') => {
      const now = Date.now();
      if (now - shown < (live ? 100 : 5000)) return;
      shown = now;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const bar = '█'.repeat(Math.round(share * 24)).padEnd(24, '░');
      last = `${bar} ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${words}`;
      process.stderr.write(live ? `\r\u001b[K${last}` : `${last}\n`);
    },
    end: () => {
      if (live && last !== '') process.stderr.write('\r\u001b[K');
    },
  };
}
