import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { commands } from '../packages/posthorn/src/cli/commands.ts';
import { errorClasses } from '../packages/posthorn/src/domain/attempt.ts';
import { runbooks } from '../packages/posthorn/src/reliability/prometheus/runbooks.ts';
import { slugOf } from '../scripts/docs/slug.ts';
import { type CodeBlock, codeBlocksIn, documentationPages } from './code-blocks.ts';

// The documentation is held to what there is: its links lead somewhere, its commands exist with the options that it gives them,
// and what a reader looks up by name (a failure class, a rule that has notified them) has its place.

const pages = [...globSync('docs/**/*.md'), ...globSync('*.md'), ...globSync('packages/*/README.md')];
const textOf = (page: string): string => readFileSync(page, 'utf8');
const withoutCode = (text: string): string =>
  text.replaceAll(/^ *```.*?^ *```/gms, '').replaceAll(/`[^`\n]*`/g, '');

/** The anchors of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  const text = textOf(page).replaceAll(/^ *```.*?^ *```/gms, '');
  for (const [, heading] of text.matchAll(/^#{1,6} (.+)$/gm)) anchors.add(slugOf(heading!, anchors));
  return anchors;
}

describe('links', () => {
  test.each(pages)('%s', (page) => {
    const wrong: string[] = [];
    for (const [, target] of withoutCode(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split('#') as [string, string | undefined];
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(file)) wrong.push(`${target}: missing ${relative('.', file)}`);
      else if (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor))
        wrong.push(`${target}: no such heading`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('two clicks from the front page', () => {
  const linksOf = (page: string): string[] =>
    [...withoutCode(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => (target.startsWith('#') ? `${page}${target}` : join(dirname(page), target)));
  const first = linksOf('README.md');
  const within = new Set([
    ...first,
    ...first.flatMap((target) => (/\.md(?:#|$)/.test(target) ? linksOf(target.split('#')[0]!) : [])),
  ]);

  test('lead to every page', () => {
    const reached = new Set([...within].map((target) => target.split('#')[0]));
    expect(documentationPages.filter((page) => page !== 'README.md' && !reached.has(page))).toEqual([]);
  });

  test.each([
    ['verifying a signature in PHP', 'docs/guides/verifying.md#php'],
    ['what tls means', 'docs/reference/failure-classes.md#tls'],
    ['restoring a backup', 'docs/operating/deploy.md#restore'],
    ['what to do when unaccounted pages', 'docs/runbooks/unaccounted.md'],
  ])('lead to %s', (_, target) => {
    expect(within).toContain(target);
  });
});

/** The words of a line of a shell, up to a pipe, a redirection or the next command. */
function argumentsOf(line: string): string[] {
  const args: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    if (/^(?:[|;&]|#|\d?>)/.test(word)) break;
    args.push(word.replaceAll(/["']/g, ''));
    if (word.endsWith(';')) break;
  }
  return args;
}

interface Use {
  readonly page: string;
  readonly args: readonly string[];
}

/** Every use of the command line: in blocks of shell, and in the text. */
function* usesIn(page: string): Iterable<Use> {
  const text = textOf(page);
  const blocks = [...text.matchAll(/^ *```(?:sh|bash)\n(.*?)^ *```/gms)].map(([, block]) => block!);
  const inText = [...text.matchAll(/`(posthorn [^`\n]*)`/g)].map(([, args]) => args!);
  for (const block of [...blocks, ...inText])
    for (const line of block.replaceAll(/\\\n\s*/g, ' ').split('\n'))
      for (const part of line.split(/\||&&|\$\(/)) {
        const args = argumentsOf(part.trim());
        const at = args.findIndex((word) => !/^(?:[A-Z_]+=.*|npx)$/.test(word));
        if (args[at] === 'posthorn') yield { page, args: args.slice(at + 1) };
      }
}

describe('commands', () => {
  const loaded = new Map<string, Command>();
  beforeAll(async () => {
    for (const { name, load } of commands) loaded.set(name, await load());
  });

  /** Null: it can be run as it stands. */
  function faultOf([name, ...rest]: readonly string[]): string | null {
    if (name === undefined || name === '…' || name.startsWith('-')) return null;
    const first = loaded.get(name);
    if (first === undefined) return `command ${name} does not exist`;
    let command: Command = first;
    for (const word of rest) {
      const inner: Command | undefined = command.commands.find(
        (one) => one.name() === word || one.aliases().includes(word),
      );
      if (inner !== undefined) command = inner;
      const flag = /^--?[a-z][\w-]*/.exec(word)?.[0];
      if (flag === undefined || ['--help', '-h'].includes(flag)) continue;
      const isKnown = command.options.some(({ long, short }) => long === flag || short === flag);
      if (!isKnown) return `${command.name()} does not take ${flag}`;
    }
    return null;
  }

  test.each(pages.filter((page) => page !== 'CHANGELOG.md'))('%s', (page) => {
    const wrong = [...usesIn(page)].flatMap(({ args }) => {
      const fault = faultOf(args);
      return fault === null ? [] : [`posthorn ${args.join(' ')}: ${fault}`];
    });
    expect(wrong).toEqual([]);
  });

  test('the check sees what is not there', () => {
    expect(faultOf(['deliveries', '--no-such-option'])).toBe('deliveries does not take --no-such-option');
    expect(faultOf(['no-such-command'])).toBe('command no-such-command does not exist');
    expect(faultOf(['endpoints', 'pause', 'ep_1', '--reason', 'x'])).toBeNull();
  });
});

describe('what is looked up by its name', () => {
  test('every failure class has its section', () => {
    const there = anchorsOf('docs/reference/failure-classes.md');
    expect(errorClasses.filter((one) => !there.has(one))).toEqual([]);
  });

  const sourceOf = (pattern: string): string[] =>
    globSync(`packages/posthorn/src/reliability/${pattern}`)
      .filter((file) => !file.endsWith('.test.ts'))
      .map(textOf);
  const namesIn = (texts: readonly string[], pattern: RegExp): string[] => [
    ...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!))),
  ];

  test('every alert rule has its runbook', () => {
    const rules = [...namesIn(sourceOf('*.ts'), /\brule: '(\w+)'/g), 'burn_rate', 'slow_leak'];
    expect(rules.length).toBeGreaterThan(12);
    expect(rules.filter((rule) => !existsSync(`docs/runbooks/${rule}.md`))).toEqual([]);
  });

  test('every exported alert has its runbook, and is in the list of them', () => {
    const alerts = namesIn(sourceOf('prometheus/*.ts'), /'(Posthorn[A-Z]\w+)'/g);
    expect(Object.keys(runbooks).toSorted()).toEqual(alerts.toSorted());
    const index = textOf('docs/runbooks/index.md');
    for (const [alert, page] of Object.entries(runbooks)) {
      expect(existsSync(`docs/runbooks/${page}.md`), page).toBe(true);
      expect(index.split('\n').find((line) => line.includes(`\`${alert}\``)) ?? '').toContain(`${page}.md`);
    }
  });
});

describe('every block of code is run, or held to something, or says why not', () => {
  /** Their programs are run whole: test/integration/guides.test.ts, and for publishing quickstarts.test.ts. */
  const programs = new Set(
    ['guides/embedding', 'guides/receiving', 'guides/typescript-client', 'start/publishing'].map(
      (name) => `docs/${name}.md`,
    ),
  );

  /** Null: it is held to something. */
  function faultOf({ page, language, code, mark }: CodeBlock): string | null {
    const from = /^from: (\S+)$/.exec(mark ?? '')?.[1];
    if (from !== undefined) return textOf(from).includes(code) ? null : `it is not in ${from}`;
    if (mark !== null && /^(?:run|file: \S|not run: \S)/.test(mark)) return null;
    if (['', 'console', 'markdown'].includes(language)) return null; // output
    if (programs.has(page) && ['sh', 'ts', 'python', 'go'].includes(language)) return null;
    if (language === 'json' || language === 'yaml') {
      const isLines = code.split('\n').every((line) => line === '' || /^\{.*\}$/.test(line));
      const texts = isLines ? code.split('\n') : [code];
      const documents = texts.flatMap((text) => [...parseAllDocuments(text)]);
      return documents.flatMap(({ errors }) => errors)[0]?.message ?? null;
    }
    // Its options are held to the commands, above.
    if (language === 'sh' && /\bposthorn\b|\bnpm run\b/.test(code)) return null;
    return `nothing runs it: say <!-- run -->, or <!-- not run: why -->`;
  }

  // The reference of the HTTP API has a test of its own: http-reference.test.ts.
  test.each(documentationPages.filter((page) => !page.startsWith('docs/reference/http/')))('%s', (page) => {
    const wrong = codeBlocksIn(page).flatMap((block) => {
      const fault = faultOf(block);
      return fault === null ? [] : [`line ${block.line}: ${fault}`];
    });
    expect(wrong).toEqual([]);
  });

  test('a block without a mark is seen', () => {
    const block = { page: 'x.md', line: 1, language: 'sh', code: 'curl x\n', mark: null };
    expect(faultOf(block)).toContain('nothing runs it');
    expect(faultOf({ ...block, language: 'json', code: '{"a": ' })).not.toBeNull();
    expect(faultOf({ ...block, mark: 'from: package.json' })).toContain('it is not in');
  });
});
