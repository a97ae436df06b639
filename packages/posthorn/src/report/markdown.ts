import { printable } from '../domain/printable.ts';

/** Escapes text for a line of Markdown: nothing in it becomes formatting, a link, HTML or a new line. */
export const escapeMarkdown = (text: string): string =>
  printable(text.replaceAll(/[\t\r\n]+/g, ' ')).replaceAll(/[\\`*_[\]<>|#~]/g, (c) =>
    c === '<' ? '&lt;' : c === '>' ? '&gt;' : `\\${c}`,
  );

/** An id or a path as code. */
export const markdownCode = (text: string): string =>
  `\`${printable(text.replaceAll(/[`|\t\r\n]+/g, ' ')).trim() || '(empty)'}\``;

/** A table; its cells are already Markdown. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** A placeholder for what only people can know. */
export const blank = (what: string): string => `**[to fill in: ${what}]**`;
