import { joined, raw, type Sql, sql } from './sql.ts';

// Rows that are to be added up, as text. SQLite sorts what it groups, which for a hundred thousand small rows takes longer than to read
// them, and an object for each row costs as much; as text they cost a third.

/** Numbers below this are one character each, far from the surrogates of UTF-16; of a row with larger ones, each has three digits. */
const base = 32_768;
/** No character is NUL, where Node 24 ends a text. */
const offset = 1;
/** Behind a row; no type of event has it. */
const end = '\n';

/** A row for `group_concat(…, '')`: whole numbers from 0 on, and a text. */
export function packedRow(numbers: readonly Sql[], text: Sql | null): Sql {
  const digit = (of: Sql): Sql => sql`(${of}) + ${raw(String(offset))}`;
  const digits = (number: Sql): Sql[] => [
    digit(sql`${number} >> 30`),
    digit(sql`${number} >> 15 & ${raw(String(base - 1))}`),
    digit(sql`${number} & ${raw(String(base - 1))}`),
  ];
  const row = (length: number, all: readonly Sql[]): Sql => {
    const characters = sql`char(${raw(String(length))}, ${joined(all, ', ')}`;
    return text === null ? sql`${characters}, 10)` : sql`${characters}) || ${text} || char(10)`;
  };
  const small = sql`(${joined(numbers, ' | ')}) < ${raw(String(base))}`;
  return sql`iif(${small}, ${row(1, numbers.map(digit))}, ${row(3, numbers.flatMap(digits))})`;
}

const numberAt = (text: string, at: number, digits: number): number => {
  if (digits === 1) return text.charCodeAt(at) - offset;
  let number = 0;
  for (let digit = 0; digit < digits; digit++) number = number * base + text.charCodeAt(at + digit) - offset;
  return number;
};

/** Adds packed rows up, whose first number is a key: to what `sumsOf` returns for it and for the row's text. */
export function addPacked(rows: string, sums: number, sumsOf: (key: number, text: string) => number[]): void {
  for (let at = 0; at < rows.length;) {
    const digits = rows.charCodeAt(at++);
    const behind = at + digits * (sums + 1);
    const ends = rows.indexOf(end, behind);
    const into = sumsOf(numberAt(rows, at, digits), rows.slice(behind, ends));
    for (let sum = 0; sum < sums; sum++) into[sum]! += numberAt(rows, (at += digits), digits);
    at = ends + 1;
  }
}
