import MiniSearch from 'minisearch';
import { searchOptions, type FoundPart } from './browser/search-options.ts';
import { urlOf } from './pages.ts';

interface PageText {
  readonly title: string;
  readonly path: string;
  /** Its HTML, with headings that have ids. */
  readonly content: string;
}

const textIn = (html: string): string =>
  html
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** A page's parts, each below its heading. */
function partsOf({ title, path, content }: PageText, base: string): FoundPart[] {
  const url = urlOf(base, path);
  return content.split(/(?=<h[1-3] id=")/).flatMap((part, index): FoundPart[] => {
    const [, level, id, heading] = /^<h([1-3]) id="([^"]+)">(.*?)<\/h\1>/s.exec(part) ?? [];
    const text = textIn(part);
    if (text === '') return [];
    const isTop = level === undefined || level === '1';
    return [
      {
        id: `${path}#${index}`,
        url: isTop ? url : `${url}#${id}`,
        title,
        heading: isTop ? '' : textIn(heading!),
        text,
      },
    ];
  });
}

/** The index that browsers search, as JSON. */
export function searchIndex(pages: readonly PageText[], base: string): string {
  const index = new MiniSearch<FoundPart>(searchOptions);
  index.addAll(pages.flatMap((page) => partsOf(page, base)));
  return JSON.stringify(index);
}
