import { escapeHtml } from './page.ts';

/** HTML that is safe to put into a page. Only `html` creates it. */
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

/** A template that escapes text and numbers: only `Html` is inserted as it is. Null is nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return {
    html: strings.map((text, index) => text + (index < parts.length ? textOf(parts[index]!) : '')).join(''),
  };
}
