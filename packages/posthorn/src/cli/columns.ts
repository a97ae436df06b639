import { type Command, InvalidArgumentError } from 'commander';
import { printable } from '../domain/printable.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '../domain/time.ts';
import { outputWidth, table } from './output.ts';

/** A column of a list. */
export interface Column<Row> {
  readonly name: string;
  readonly value: (row: Row) => string | number;
  /** Shown only with `--wide`, or if it is named. */
  readonly wide?: true;
  /** A text too long for the terminal may be shortened to this many characters. Ids never are: they are copied. */
  readonly shortest?: number;
}

export interface ColumnOptions {
  readonly wide?: boolean;
  readonly columns?: readonly string[];
}

const gap = 2;

/** Adds `--wide` and `--columns`, checked before anything is sent. */
export function columnOptions<Row>(command: Command, columns: readonly Column<Row>[]): Command {
  const names = columns.map(({ name }) => name);
  return command
    .option('--wide', 'show every column, even if the terminal is narrow')
    .option(
      `--columns <names>`,
      `show only these columns, comma-separated: ${names.join(', ')}`,
      (text: string) => {
        const asked = text.split(',').map((name) => name.trim());
        const unknown = asked.filter((name) => !names.includes(name));
        if (unknown.length > 0)
          throw new InvalidArgumentError(`has no ${unknown.join(', ')}: choose from ${names.join(', ')}`);
        return asked;
      },
    );
}

/**
 * The rows as a table that fits the terminal: long texts are shortened first; if that is not enough, each row becomes a
 * block. Output to a file or a program is never shortened.
 */
export function columnsTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { wide = false, columns: asked }: ColumnOptions,
  width = wide ? Number.POSITIVE_INFINITY : outputWidth(),
): string {
  const shown =
    asked === undefined
      ? columns.filter((column) => wide || column.wide === undefined)
      : asked.map((name) => columns.find((column) => column.name === name)!);
  const cells = rows.map((row) =>
    shown.map(({ value }) => {
      const cell = value(row);
      return typeof cell === 'number' ? cell : printable(cell);
    }),
  );
  const lengths = shown.map((column, at) =>
    cells.reduce((most, row) => Math.max(most, cellText(row[at]!).length), column.name.length),
  );
  const fitted = fit(lengths, shown, width - gap * (shown.length - 1));
  return table(
    shown.map(({ name }) => name),
    cells.map((row) =>
      row.map((cell, at) => (typeof cell === 'number' ? cell : shortened(cell, fitted[at]!))),
    ),
    width,
  );
}

const cellText = (cell: string | number): string =>
  typeof cell === 'number' ? cell.toLocaleString('en-US') : cell;

/** Shortens the longest column that may be shortened, one character at a time, until all fit or none may. */
function fit<Row>(lengths: readonly number[], columns: readonly Column<Row>[], width: number): number[] {
  const fitted = [...lengths];
  for (let over = fitted.reduce((sum, length) => sum + length, 0) - width; over > 0; over--) {
    let longest = -1;
    for (const [at, { name, shortest }] of columns.entries())
      if (
        shortest !== undefined &&
        fitted[at]! > Math.max(shortest, name.length) &&
        (longest < 0 || fitted[at]! > fitted[longest]!)
      )
        longest = at;
    if (longest < 0) return fitted;
    fitted[longest]!--;
  }
  return fitted;
}

/** Keeps the beginning and the end: hosts and types differ in either. */
export function shortened(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.floor((length - 1) / 2);
  return `${text.slice(0, length - 1 - end)}…${end === 0 ? '' : text.slice(-end)}`;
}

/** How long ago, or in how long, in one unit: `3 min ago`, `in 12 s`. */
export function fromNow(at: string | null, now: number): string {
  if (at === null) return '';
  const ms = Date.parse(at) - now;
  const text = durationText(Math.abs(ms));
  if (text === '0 s') return 'now';
  return ms > 0 ? `in ${text}` : `${text} ago`;
}

const units = [
  ['d', dayMs],
  ['h', hourMs],
  ['min', minuteMs],
  ['s', secondMs],
] as const;

function durationText(ms: number): string {
  // In a list of failures, two days are clearer as 48 hours.
  const [name, size] = units.find(([, unit]) => ms >= unit * (unit === dayMs ? 2 : 1)) ?? ['s', secondMs];
  return `${Math.floor(ms / size)} ${name}`;
}
