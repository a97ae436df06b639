// Logs and receivers can send escapes that move the cursor, color the terminal, start a new line, or make text look
// like other text.

// Controls (C0, C1, DEL), zero-width and invisible characters, line separators, and changes of direction.
const hidden =
  '\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}';
const unprintable = new RegExp(`[${hidden}]|\\p{Surrogate}`, 'gu');

/** Text for one line of a terminal: invisible characters are shown as `\x1b`, `\u202e` and the like. */
const printableText = (text: string): string =>
  text.replaceAll(unprintable, (c) => {
    const code = c.codePointAt(0)!;
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : code < 0x10000
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : `\\u{${code.toString(16)}}`;
  });

/** Returns the same data with all texts printable. */
export function printable<T>(value: T): T {
  if (typeof value === 'string') return printableText(value) as T;
  if (Array.isArray(value)) return value.map((item) => printable<unknown>(item)) as T;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [printableText(name), printable<unknown>(item)]),
    ) as T;
  return value;
}

/** The same for text of several lines: only its line feeds remain. */
export const printableLines = (text: string): string => text.split('\n').map(printableText).join('\n');

/** JSON with the same characters as escapes: safe for a terminal, and the same data. */
export const printableJson = (json: string): string =>
  json.replaceAll(unprintable, (c) =>
    Array.from({ length: c.length }, (_, at) => `\\u${c.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
