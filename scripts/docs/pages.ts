import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

// Which pages the documentation has, in which order, and where each is.

export interface Page {
  /** Path in the repository. */
  readonly file: string;
  /** Path within the site: '' is its home. */
  readonly path: string;
  readonly title: string;
  readonly text: string;
}

export interface Section {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** Each section's pages: those that are named first, then the others of its folder by their titles. */
const plan: readonly {
  readonly title: string;
  readonly folder: string;
  readonly first: readonly string[];
}[] = [
  {
    title: 'Start',
    folder: 'docs/start',
    first: [
      'README.md',
      ...['index', 'publishing', 'embedded', 'receiver', 'auditor'].map((name) => `docs/start/${name}.md`),
    ],
  },
  { title: 'Concepts', folder: 'docs/concepts', first: ['docs/concepts/index.md'] },
  { title: 'Dashboard', folder: 'docs/dashboard', first: [] },
  {
    title: 'Guides',
    folder: 'docs/guides',
    first: [
      'sending',
      'endpoints',
      'retries',
      'receiving',
      'verifying',
      'frameworks',
      'local-development',
      'reaching-receivers',
      'dead-letters',
      'missed',
      'objectives',
      'alerts',
      'audit',
    ].map((name) => `docs/guides/${name}.md`),
  },
  {
    title: 'Operating',
    folder: 'docs/operating',
    first: [
      'index',
      'deploy',
      'upgrading',
      'backup-drill',
      'monitoring',
      'capacity',
      'security',
      'privacy',
    ].map((name) => `docs/operating/${name}.md`),
  },
  { title: 'Runbooks', folder: 'docs/runbooks', first: ['docs/runbooks/index.md'] },
  {
    title: 'Reference',
    folder: 'docs/reference',
    first: [
      'docs/reference/http/index.md',
      'docs/reference/cli.md',
      'docs/reference/commands.md',
      'docs/reference/failure-classes.md',
    ],
  },
  { title: 'HTTP API', folder: 'docs/reference/http', first: [] },
  {
    title: 'Inside',
    folder: 'docs/internals',
    first: [
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'CHANGELOG.md',
      'docs/benchmarks.md',
      'docs/internals/index.md',
    ],
  },
];

/** Where a file of the repository is on the site: `docs/guides/audit.md` is `guides/audit`, an index is its folder. */
export function pathOf(file: string): string {
  if (file === 'README.md') return '';
  if (!file.startsWith('docs/')) return basename(file, '.md').toLowerCase();
  return file.slice('docs/'.length).replace(/(?:\/index)?\.md$/, '');
}

/** The URL of a page by its path, on a site at `base`. */
export const urlOf = (base: string, path: string): string => (path === '' ? base : `${base}/${path}`);

function pageAt(root: string, file: string): Page {
  const text = readFileSync(`${root}/${file}`, 'utf8');
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${file} does not have a title`);
  return { file, path: pathOf(file), title: title.replaceAll('`', ''), text };
}

/** All pages, by section. Every page of `docs` is in one of them, or the build fails. */
export function sectionsOf(root: string): readonly Section[] {
  const taken = new Set<string>();
  const sections = plan.map(({ title, folder, first }): Section => {
    const rest = globSync(`${folder}/*.md`, { cwd: root })
      .filter((file) => !first.includes(file) && !taken.has(file))
      .map((file) => pageAt(root, file))
      .toSorted((a, b) => a.title.localeCompare(b.title, 'en'));
    const pages = [...first.map((file) => pageAt(root, file)), ...rest];
    for (const { file } of pages) taken.add(file);
    return { title, pages };
  });
  const missing = globSync('docs/**/*.md', { cwd: root }).filter((file) => !taken.has(file));
  if (missing.length > 0) throw new Error(`no section of scripts/docs/pages.ts has ${missing.join(', ')}`);
  return sections;
}
