import { joined, raw, type Sql, sql } from './sql.ts';

// Rows that are to be added up, as text. SQLite sorts what it groups, which for a hundred thousand small rows takes longer than to read
// them, and an object for each row costs as much; as text they cost a third.

/**
 * Numbers below this are one character each, far from the surrogates of UTF-16; of a row with larger ones, each has three digits. Most
 * rows have nothing but numbers that are usually there: written as these alone, they take a seventh less.
 */
const base = 32_768;
/** No character is NUL, where Node 24 ends a text. */
const offset = 1;
/** Behind a row; no type of event has it. */
const end = '\n';

/** Numbers of a row, whole and from 0 on: those that are usually there, and those that are usually 0. */
export interface PackedNumbers {
  readonly usual: readonly Sql[];
  readonly rare: readonly Sql[];
}

/** What stands first in a row. */
const forms = { usual: 1, small: 2, large: 3 } as const;

/** Rows as one text, in which each has these numbers and this text. */
export function packedRows({ usual, rare }: PackedNumbers, text: Sql | null): Sql {
  const digit = (of: Sql): Sql => sql`(${of}) + ${raw(String(offset))}`;
  const digits = (number: Sql): Sql[] => [
    digit(sql`${number} >> 30`),
    digit(sql`${number} >> 15 & ${raw(String(base - 1))}`),
    digit(sql`${number} & ${raw(String(base - 1))}`),
  ];
  const row = (form: number, all: readonly Sql[]): Sql => {
    const characters = sql`char(${raw(String(form))}, ${joined(all, ', ')})`;
    return text === null ? characters : sql`${characters} || ${text}`;
  };
  const bits = (numbers: readonly Sql[]): Sql => sql`(${joined(numbers, ' | ')})`;
  const isSmall = (numbers: readonly Sql[]): Sql => sql`${bits(numbers)} < ${raw(String(base))}`;
  const all = [...usual, ...rare];
  const whole = sql`iif(${isSmall(all)}, ${row(forms.small, all.map(digit))}, ${row(forms.large, all.flatMap(digits))})`;
  const each =
    rare.length === 0
      ? whole
      : sql`iif(${bits(rare)} = 0 AND ${isSmall(usual)}, ${row(forms.usual, usual.map(digit))}, ${whole})`;
  return sql`group_concat(${each}, char(10)) || char(10)`;
}

const smallAt = (text: string, at: number): number => text.charCodeAt(at) - offset;

const largeAt = (text: string, at: number): number => {
  let number = 0;
  for (let digit = 0; digit < 3; digit++) number = number * base + text.charCodeAt(at + digit) - offset;
  return number;
};

/**
 * Adds packed rows up, whose first usual number is a key: to what `sumsOf` returns for it and for the row's text, the usual ones (so many
 * behind the key) before the rare ones.
 */
export function addPacked(
  rows: string,
  { usual, rare }: { readonly usual: number; readonly rare: number },
  sumsOf: (key: number, text: string) => number[],
): void {
  for (let at = 0; at < rows.length;) {
    const form = rows.charCodeAt(at++);
    const digits = form === forms.large ? 3 : 1;
    const numbers = form === forms.usual ? usual : usual + rare;
    const behind = at + digits * (numbers + 1);
    const ends = rows.indexOf(end, behind);
    const numberAt = digits === 1 ? smallAt : largeAt;
    const into = sumsOf(numberAt(rows, at), rows.slice(behind, ends));
    for (let sum = 0; sum < numbers; sum++) into[sum]! += numberAt(rows, (at += digits));
    at = ends + 1;
  }
}
