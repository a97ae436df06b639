// What a log says may hold escapes that move the cursor, colour the terminal or start a line of their own.

const unprintable =
  // oxlint-disable-next-line no-control-regex -- these are what is taken out
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text for one line of a terminal: control characters and changes of direction are shown as `\x1b` and the like. */
const printableText = (text: string): string =>
  text.replaceAll(unprintable, (c) => {
    const code = c.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });

/** The same data, of which every text can be printed. */
export function printable<T>(value: T): T {
  if (typeof value === 'string') return printableText(value) as T;
  if (Array.isArray(value)) return value.map((item) => printable<unknown>(item)) as T;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, printable<unknown>(item)]),
    ) as T;
  return value;
}
