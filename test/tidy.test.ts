import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const source = 'packages/posthorn/src';
/** Which folders of the source a folder may import from, besides itself; and which drivers. Section by section as in docs/internals. */
const mayImport: readonly {
  readonly of: string;
  readonly from: readonly string[];
  readonly drivers?: readonly string[];
}[] = [
  { of: 'domain', from: [] },
  // The log is text for people too.
  { of: 'runtime', from: ['domain', 'report'] },
  { of: 'signing', from: ['domain'] },
  { of: 'config', from: ['domain'] },
  { of: 'store/sqlite', from: ['domain', 'store'], drivers: ['node:sqlite', 'node:worker_threads'] },
  { of: 'store/postgres', from: ['domain', 'store'], drivers: ['pg'] },
  { of: 'store', from: ['domain'] },
  { of: 'transport', from: ['domain', 'runtime'], drivers: ['nodemailer'] },
  { of: 'tracing', from: ['domain', 'store', 'transport', 'engine'], drivers: ['@opentelemetry/api'] },
  { of: 'engine', from: ['domain', 'runtime', 'signing', 'store', 'transport'] },
  { of: 'ledger', from: ['domain', 'runtime', 'store'] },
  // Runs what users declare, in threads that can be ended.
  {
    of: 'validation',
    from: ['domain', 'runtime'],
    drivers: ['node:worker_threads', 'ajv/dist/2020.js', 'ajv-formats', 're2js'],
  },
  { of: 'contract', from: ['domain', 'reliability'] },
  {
    of: 'service',
    from: [
      'domain',
      'contract',
      'runtime',
      'signing',
      'store',
      'engine',
      'ledger',
      'reliability',
      'validation',
    ],
  },
  {
    of: 'http',
    from: ['domain', 'contract', 'service', 'runtime', 'signing', 'store', 'engine', 'reliability'],
  },
  {
    of: 'lab',
    // The code that ships, on the real embedded store: only time, randomness, network and receivers are simulated.
    from: ['domain', 'runtime', 'signing', 'store', 'engine', 'transport', 'ledger', 'logs', 'report'],
    drivers: ['node:worker_threads'],
  },
  { of: 'logs', from: ['domain'] },
  { of: 'report', from: [] },
  // Compares what the audit found, or what a store's books say.
  { of: 'impact', from: ['domain', 'audit', 'report', 'store'] },
  // Reads anybody's logs: it knows nothing of how Posthorn keeps its own.
  { of: 'audit', from: ['domain', 'runtime', 'report', 'logs'], drivers: ['@duckdb/node-api'] },
  { of: 'reliability', from: ['domain', 'runtime', 'logs', 'report', 'store', 'transport'] },
  { of: 'client', from: ['contract'] },
  { of: 'cli', from: ['*'] },
  // Puts one node together, as the command line does.
  { of: '.', from: ['*'] },
];
const drivers = [
  'node:sqlite',
  'node:worker_threads',
  'ajv/dist/2020.js',
  'ajv-formats',
  're2js',
  'undici',
  'nodemailer',
  'pg',
  '@duckdb/node-api',
  '@opentelemetry/api',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
];
const bans: readonly { readonly what: RegExp; readonly allowed: readonly string[] }[] = [
  { what: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, allowed: ['runtime', 'cli'] },
  { what: /\bset(Timeout|Interval|Immediate)\(/, allowed: ['runtime', 'cli'] },
  { what: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/, allowed: ['runtime', 'cli'] },
  { what: /\bprocess\.env\b/, allowed: ['cli'] },
  { what: /\bconsole\./, allowed: [] },
  // getaddrinfo holds one of libuv's four threads for each lookup (G8).
  { what: /\{[^}]*\blookup\b[^}]*\} from 'node:dns'/, allowed: [] },
];

function folderOf(file: string): string {
  const folder = dirname(file);
  return mayImport.find(({ of }) => folder === of || folder.startsWith(`${of}/`))?.of ?? folder;
}

/** Faults of one file, whose path is relative to the source. */
function faults(file: string, text: string): string[] {
  const found: string[] = [];
  const folder = folderOf(file);
  const rule = mayImport.find(({ of }) => of === folder);
  if (rule === undefined) return [`${file}: no rule says what ${folder} may import`];
  for (const [, target] of text.matchAll(/(?:from|import)\s+'([^']+)'/g)) {
    if (!target!.startsWith('.')) {
      if (drivers.includes(target!) && !rule.drivers?.includes(target!) && !rule.from.includes('*'))
        found.push(`${file}: imports the driver ${target}`);
      continue;
    }
    const to = relative('.', join(dirname(file), target!));
    const toFolder = folderOf(to);
    const fine =
      toFolder === folder ||
      rule.from.includes('*') ||
      rule.from.some((allowed) => toFolder === allowed || to.startsWith(`${allowed}/`));
    const adapter =
      folder !== 'cli' &&
      folder !== '.' &&
      !(folder === 'lab' && toFolder === 'store/sqlite') &&
      (toFolder === 'store/sqlite' ||
        toFolder === 'store/postgres' ||
        to === 'transport/http-transport.ts') &&
      toFolder !== folder;
    if (!fine || adapter) found.push(`${file}: imports ${to}`);
  }
  for (const { what, allowed } of bans) {
    if (what.test(text) && !allowed.includes(folder)) found.push(`${file}: uses ${what.exec(text)![0]}`);
  }
  if (text.split('\n').length > 500) found.push(`${file}: is longer than 500 lines`);
  return found;
}

describe('the source is tidy', () => {
  test('imports, clocks, timers, randomness, environment and length', () => {
    const files = globSync('**/*.ts', { cwd: source }).filter((file) => !file.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap((file) => faults(file, readFileSync(join(source, file), 'utf8')))).toEqual([]);
  });

  test.each([
    ['domain/x.ts', "import { a } from '../store/store.ts';"],
    ['engine/x.ts', "import { a } from '../store/sqlite/open.ts';"],
    ['engine/x.ts', "import { Pool } from 'undici';"],
    ['engine/x.ts', "import { trace } from '@opentelemetry/api';"],
    ['engine/x.ts', "import { a } from '../tracing/open-telemetry.ts';"],
    ['http/x.ts', "import { a } from '../transport/http-transport.ts';"],
    ['engine/x.ts', 'const now = Date.now();'],
    ['ledger/x.ts', 'setTimeout(f, 1);'],
    ['domain/x.ts', 'Math.random();'],
    ['config/x.ts', 'process.env.X;'],
    ['lab/x.ts', "import { a } from '../transport/http-transport.ts';"],
    ['newfolder/x.ts', ''],
  ])('a planted fault in %s is found: %s', (file, text) => {
    expect(faults(file, text)).toHaveLength(1);
  });

  test('what is exported is used by another file', () => {
    const files = [source, 'test', 'bench'].flatMap((root) =>
      globSync('**/*.ts', { cwd: root }).map((file) => join(root, file)),
    );
    const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
    const uses = (text: string, name: string): number =>
      text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
    const unused = [...texts].flatMap(([file, text]) =>
      [...text.matchAll(/^export (?:async )?(const|function|class|interface|type) (\w+)/gm)]
        .filter(([, kind, name]) => {
          // A type may be exported because an exported signature in its own file speaks of it.
          const ofSignature = (kind === 'interface' || kind === 'type') && uses(text, name!) > 1;
          return !ofSignature && ![...texts].some(([other, t]) => other !== file && uses(t, name!) > 0);
        })
        .map(([, , name]) => `${file}: ${name}`),
    );
    expect(unused).toEqual([]);
  });

  test('every page of the documentation begins with its title', () => {
    const pages = [...globSync('docs/**/*.md'), 'README.md', 'CHANGELOG.md'];
    expect(pages.filter((page) => !readFileSync(page, 'utf8').startsWith('# '))).toEqual([]);
  });
});
