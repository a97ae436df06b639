import { type Page, type Section, urlOf } from './pages.ts';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export interface View {
  readonly page: Page;
  readonly sections: readonly Section[];
  /** The page's text as HTML. */
  readonly content: string;
  /** Where the site is: `/docs`. */
  readonly base: string;
}

/** `Filters: which events an endpoint gets` is `Filters` where space is short. */
const shortOf = (title: string): string => title.split(': ')[0]!;

function navigation({ page, sections, base }: View): string {
  const link = ({ path, title }: Page): string =>
    `<li><a href="${urlOf(base, path)}"${path === page.path ? ' aria-current="page"' : ''}>${escaped(shortOf(title))}</a></li>`;
  const section = ({ title, pages }: Section): string => {
    const isOpen = pages.some(({ path }) => path === page.path);
    return `<details${isOpen ? ' open' : ''}><summary>${escaped(title)}</summary><ul>${pages.map(link).join('')}</ul></details>`;
  };
  return sections.map(section).join('\n');
}

/** The headings of the second level, if there is more than one. */
function contents(content: string): string {
  const headings = [...content.matchAll(/<h2 id="([^"]+)">(.*?)<\/h2>/g)];
  if (headings.length < 2) return '';
  const items = headings.map(
    ([, id, heading]) => `<li><a href="#${id}">${heading!.replaceAll(/<\/?a[^>]*>/g, '')}</a></li>`,
  );
  return `<nav class="contents" aria-label="On this page"><p>On this page</p><ul>${items.join('')}</ul></nav>`;
}

/** One page as HTML: it reads without scripts, which only search and copy. */
export function layout(view: View): string {
  const { page, content, base } = view;
  const title = page.path === '' ? 'Posthorn: documentation' : `${page.title} · Posthorn`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<link rel="icon" href="${base}/posthorn.svg" type="image/svg+xml">
<link rel="stylesheet" href="${base}/docs.css">
<script type="module" src="${base}/docs.js"></script>
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<header>
<a class="home" href="${base}">Posthorn</a>
<search class="search">
<input type="search" id="search" placeholder="Search" aria-label="Search the documentation" aria-controls="found" autocomplete="off" hidden>
<div id="found" class="found" role="region" aria-label="Found" aria-live="polite" hidden></div>
</search>
<a class="dashboard" href="/">Dashboard</a>
</header>
<div class="columns">
<nav class="pages" aria-label="Pages">
${navigation(view)}
</nav>
<main id="text" tabindex="-1">
${content}
</main>
${contents(content)}
</div>
</body>
</html>
`;
}
