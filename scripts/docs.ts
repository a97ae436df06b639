// Builds the documentation into a site if its sources are newer: before `npm start`, and into the package `posthorn`.

import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Eleventy } from '@11ty/eleventy';
import type MarkdownIt from 'markdown-it';
import { build as bundle } from 'rolldown';
import { buildOnce } from './build-once.ts';
import { layout } from './docs/layout.ts';
import { adapt, type Site } from './docs/markdown.ts';
import { type Page, sectionsOf } from './docs/pages.ts';
import { searchIndex } from './docs/search-index.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** In a checkout. */
const inCheckout = join(root, 'docs/dist');
const base = '/docs';

interface Built {
  readonly url: string;
  readonly content: string;
}

/** The pages' texts as HTML, by their paths. */
async function rendered(pages: readonly Page[], site: Site): Promise<ReadonlyMap<string, string>> {
  const eleventy = new Eleventy(join(root, 'scripts/docs'), inCheckout, {
    quietMode: true,
    configPath: null,
    config: (config) => {
      config.setTemplateFormats(['md']);
      config.amendLibrary('md', (markdown: MarkdownIt) => adapt(markdown, site));
      for (const [index, { file, path, text }] of pages.entries())
        config.addTemplate(`page-${index}.md`, text, {
          file,
          permalink: `/${path}/`,
          templateEngineOverride: 'md',
        });
    },
  });
  const built = (await eleventy.toJSON()) as Built[];
  return new Map(built.map(({ url, content }) => [url.replaceAll(/^\/|\/$/g, ''), content]));
}

/** One style sheet: the dashboard's tokens, and the site's own rules. */
function styles(output: string): string {
  const font = 'inter.woff2';
  const name = '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
  copyFileSync(fileURLToPath(import.meta.resolve(name)), join(output, font));
  const tokens = readFileSync(join(root, 'packages/dashboard/src/styles/tokens.css'), 'utf8');
  const own = readFileSync(join(root, 'scripts/docs/docs.css'), 'utf8');
  return `${tokens.replace(name, font)}${own}`;
}

async function build(output: string, hasPictures: boolean): Promise<void> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const site: Site = { root, base, linked: new Set(), hasPictures };
  const sections = sectionsOf(root);
  const pages = sections.flatMap((section) => section.pages);
  const contents = await rendered(pages, site);
  for (const page of pages) {
    const content = contents.get(page.path);
    if (content === undefined) throw new Error(`${page.file} was not rendered`);
    const file = join(output, `${page.path === '' ? 'index' : page.path}.html`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, layout({ page, sections, content, base }));
  }
  const texts = pages.map(({ title, path }) => ({ title, path, content: contents.get(path)! }));
  writeFileSync(join(output, 'search.json'), searchIndex(texts, base));
  writeFileSync(join(output, 'docs.css'), styles(output));
  copyFileSync(join(root, 'packages/dashboard/src/assets/posthorn.svg'), join(output, 'posthorn.svg'));
  await bundle({
    input: join(root, 'scripts/docs/browser/main.ts'),
    platform: 'browser',
    output: { file: join(output, 'docs.js'), minify: true, codeSplitting: false },
  });
  for (const file of site.linked) {
    mkdirSync(join(output, 'files', dirname(file)), { recursive: true });
    copyFileSync(join(root, file), join(output, 'files', file));
  }
  for (const file of globSync(join(output, '**/*.*'))) {
    if (/\.(webp|woff2)$/.test(file) || statSync(file).isDirectory()) continue;
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    rmSync(file);
  }
}

/** Builds the documentation if needed. Any number of processes may call it at once. */
export async function buildDocs(say: (line: string) => void = () => {}): Promise<void> {
  const tookMs = await buildOnce({
    stamp: join(inCheckout, '.built'),
    lock: join(root, 'node_modules/.docs-lock'),
    sources: [
      '*.md',
      'docs/**/*.{md,webp,svg}',
      'scripts/docs.ts',
      'scripts/docs/**/*.{ts,css}',
      'packages/dashboard/src/styles/tokens.css',
    ].map((pattern) => join(root, pattern)),
    build: () => build(inCheckout, true),
  });
  if (tookMs !== null) say(`Built the documentation in ${(tookMs / 1000).toFixed(1)} s.`);
}

/** Builds it into a package that is about to be packed: without pictures, which are four fifths of it. */
export async function buildDocsInto(output: string): Promise<void> {
  await build(output, false);
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await buildDocs(console.log);
