import { printable } from './printable.ts';

/** Text as it may stand in a line of Markdown: nothing in it is formatting, a link, HTML or a new line. */
export const escapeMarkdown = (text: string): string =>
  printable(text.replaceAll(/[\t\r\n]+/g, ' ')).replaceAll(/[\\`*_[\]<>|#~]/g, (c) =>
    c === '<' ? '&lt;' : c === '>' ? '&gt;' : `\\${c}`,
  );

/** An id or a path as code. */
export const markdownCode = (text: string): string =>
  `\`${printable(text.replaceAll(/[`|\t\r\n]+/g, ' ')).trim() || '(empty)'}\``;

/** A table; cells are Markdown already. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** What nobody but people can know, to be filled in. */
export const blank = (what: string): string => `**[to fill in: ${what}]**`;
