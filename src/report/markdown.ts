/** Text as it may stand in a line of Markdown: nothing in it is formatting, a link, HTML or a new line. */
export const escapeMarkdown = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- these are what is taken out
    .replaceAll(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .replaceAll(/[\\`*_[\]<>|#~]/g, (c) => (c === '<' ? '&lt;' : c === '>' ? '&gt;' : `\\${c}`));

/** An id or a path as code. */
export const markdownCode = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what is taken out
  `\`${text.replaceAll(/[`|\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim() || '(empty)'}\``;

/** A table; cells are Markdown already. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** What nobody but people can know, to be filled in. */
export const blank = (what: string): string => `**[to fill in: ${what}]**`;
