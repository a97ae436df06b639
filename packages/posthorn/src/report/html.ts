import { escapeHtml } from './page.ts';

/** HTML that is safe to put into a page. Only `html` makes it. */
export interface Html {
  readonly html: string;
}

type Part = string | number | Html | readonly Html[] | null;

const textOf = (part: Part): string => {
  if (part === null) return '';
  if (typeof part === 'object')
    return 'html' in part ? part.html : part.map(({ html: text }) => text).join('\n');
  return escapeHtml(String(part));
};

/** A template whose text and numbers are escaped: only what is `Html` already goes in as it is. Null is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return {
    html: strings.map((text, index) => text + (index < parts.length ? textOf(parts[index]!) : '')).join(''),
  };
}
