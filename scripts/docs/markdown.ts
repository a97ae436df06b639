import { existsSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type MarkdownIt from 'markdown-it';
import { pathOf, urlOf } from './pages.ts';
import { slugOf } from './slug.ts';

/** A file of the repository that pages link to, and that is served beside them as it is. */
export type LinkedFiles = Set<string>;

export interface Site {
  readonly root: string;
  /** Where it is: `/docs`. */
  readonly base: string;
  readonly linked: LinkedFiles;
  /** Without them it is a fifth as large. */
  readonly hasPictures: boolean;
}

interface Env {
  /** The page's file in the repository. */
  readonly file: string;
}

/** Where a link of a page leads on the site; null: to nothing that the site has. */
function hrefOf(href: string, file: string, { root, base, linked }: Site): string | null {
  if (/^[a-z]+:/.test(href) || href.startsWith('#')) return href;
  const [path, anchor] = href.split('#') as [string, string | undefined];
  const target = posix.join(dirname(file), path);
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (target.endsWith('.md')) return `${urlOf(base, pathOf(target))}${hash}`;
  const at = join(root, target);
  if (!existsSync(at) || statSync(at).isDirectory()) return null;
  linked.add(target);
  return `${base}/files/${target}`;
}

/** Links that lead to the site's pages, headings with anchors, and tables that scroll by themselves. */
export function adapt(markdown: MarkdownIt, site: Site): void {
  // The pages are this repository's own: what they say in HTML is meant so.
  markdown.set({ html: true, linkify: false, typographer: false });
  markdown.core.ruler.push('posthorn', ({ tokens, env }) => {
    const { file } = env as Env;
    const anchors = new Set<string>();
    for (const [at, token] of tokens.entries()) {
      if (token.type === 'html_block')
        token.content = token.content
          .replaceAll(site.hasPictures ? /<!--.*?-->\n?/gs : /<!--.*?-->\n?|<picture>.*?<\/picture>\n?/gs, '')
          .replaceAll(
            /\b(src|srcset)="([^"]+)"/g,
            (_, name: string, url: string) => `${name}="${hrefOf(url, file, site) ?? ''}"`,
          );
      if (token.type === 'heading_open') {
        const slug = slugOf(tokens[at + 1]!.content, anchors);
        anchors.add(slug);
        token.attrSet('id', slug);
      }
      // A column without a heading has a cell there that is none.
      if (token.type === 'th_open' && tokens[at + 1]!.content === '') token.tag = tokens[at + 2]!.tag = 'td';
      for (const inner of token.children ?? []) {
        const name = inner.type === 'link_open' ? 'href' : inner.type === 'image' ? 'src' : null;
        if (name === null || (name === 'src' && !site.hasPictures)) continue;
        const href = hrefOf(inner.attrGet(name) ?? '', file, site);
        if (href !== null) inner.attrSet(name, href);
        else inner.attrs = (inner.attrs ?? []).filter(([attribute]) => attribute !== name);
        if (name === 'src') inner.attrSet('loading', 'lazy');
      }
    }
  });
  if (!site.hasPictures) markdown.renderer.rules['image'] = () => '';
  // A wide table is scrolled, by keys too, and the page is not.
  markdown.renderer.rules['table_open'] = () => '<div class="wide" tabindex="0"><table>\n';
  markdown.renderer.rules['table_close'] = () => '</table></div>\n';
}
