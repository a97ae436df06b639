import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { functionsOver } from './function-lengths.ts';
import { browserRules, faults, fileOf, packageOf, places } from './import-rules.ts';

/** Exports that only tests use. A ratchet: names leave this list, and none is added. */
const exportedForTests: readonly string[] = [
  'packages/audit/src/causes/statistics.ts chiSquaredTail',
  'packages/audit/src/causes/statistics.ts gTest',
  'packages/dashboard/src/pages/deliveries/timeline.ts overlapsOf',
  'packages/dashboard/src/parts/money.ts decimalText',
  'packages/dashboard/src/parts/number.ts upperBoundOfNone',
  'packages/dashboard/src/range.ts lastMs',
  'packages/lab/src/pool.ts openPool',
  'packages/lab/src/run.ts runNaive',
  'packages/posthorn/src/cli/demo/kestrel/traffic.ts intensity',
  'packages/posthorn/src/cli/slo-file.ts sloFile',
  'packages/posthorn/src/contract/operation-errors.ts rareErrors',
  'packages/posthorn/src/domain/filter.ts compareCodePoints',
  'packages/posthorn/src/domain/latency.ts latencyBound',
  'packages/posthorn/src/domain/message-key.ts messageKey',
  'packages/posthorn/src/http/authentication.ts addressGroup',
  'packages/posthorn/src/ledger/reconciler.ts equationFrom',
  'packages/posthorn/src/ledger/reconciler.ts worthFindings',
  'packages/posthorn/src/reliability/prometheus/slo-rules.ts surprise',
  'packages/posthorn/src/service/series.ts seriesWindow',
  'packages/posthorn/src/store/first-sent.ts firstCount',
  'packages/posthorn/src/store/idempotency.ts keyedRequestMs',
  'packages/posthorn/src/store/keys.ts maxTenantKeys',
  'packages/posthorn/src/store/postgres/citus.ts distributedTables',
  'packages/posthorn/src/store/postgres/citus.ts referenceTables',
  'packages/posthorn/src/store/postgres/schema.ts expectedParts',
  'packages/posthorn/src/transport/address-guard.ts isPublicAddress',
  'packages/posthorn/src/transport/open-files.ts parseOpenFiles',
  'scripts/dashboard.ts buildDashboard',
  'scripts/docs.ts buildDocs',
];

const maxFileLines = 500;

const maxFunctionLines = 70;

/** The names in the braces of an import or an export. */
const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '');

describe('the source is tidy', () => {
  test('imports, clocks, timers, randomness and environment', () => {
    expect(places.length).toBeGreaterThan(300);
    expect(places.flatMap((place) => faults(place, readFileSync(fileOf(place), 'utf8')))).toEqual([]);
  });

  test.each([
    ['domain/x.ts', "import { a } from '../store/store.ts';"],
    ['engine/x.ts', "import { a } from '../store/sqlite/open.ts';"],
    ['engine/x.ts', "import { a } from '../transport/dialer.ts';"],
    ['http/x.ts', "import { a } from '../signing/asymmetric.ts';"],
    ['engine/x.ts', "import { Pool } from 'undici';"],
    ['engine/x.ts', "import { trace } from '@opentelemetry/api';"],
    ['engine/x.ts', "import { a } from '../tracing/open-telemetry.ts';"],
    ['http/x.ts', "import { a } from '../transport/http-transport.ts';"],
    ['engine/x.ts', 'const now = Date.now();'],
    ['ledger/x.ts', 'setTimeout(f, 1);'],
    ['domain/x.ts', 'Math.random();'],
    ['config/x.ts', 'process.env.X;'],
    ['engine/x.ts', "import { a } from '@posthorn/lab';"],
    ['cli/x.ts', "import { a } from '@posthorn/audit';"],
    ['cli/x.ts', "import { a } from '../../../audit/src/audit.ts';"],
    ['@posthorn/client/x.ts', "import { a } from 'posthorn/domain';"],
    ['@posthorn/audit/x.ts', "import { a } from 'posthorn/engine';"],
    ['@posthorn/audit/x.ts', "import { a } from './cli/output.ts';"],
    ['@posthorn/lab/x.ts', "import { a } from '../../posthorn/src/domain/ids.ts';"],
    ['@posthorn/lab/x.ts', "import { a } from 'fastify';"],
    ['@posthorn/lab/x.ts', "import { DuckDBInstance } from '@duckdb/node-api';"],
    ['contract/x.ts', "import { a } from '../reliability/rules.ts';"],
    ['reliability/x.ts', "import { a } from '../contract/slos.ts';"],
    ['reliability/x.ts', "import { a } from '../transport/address-guard.ts';"],
    ['@posthorn/dashboard/x.ts', "import { a } from '../../posthorn/src/domain/ids.ts';"],
    ['newfolder/x.ts', ''],
  ])('a planted fault in %s is found: %s', (file, text) => {
    expect(faults(file, text)).toHaveLength(1);
  });

  test('only its adapter, and the lines that mount it, its importer and the comparison with its sender, know of the other API', () => {
    const knowing = places.filter(
      (place) =>
        packageOf(place) === 'posthorn' &&
        !place.startsWith('svix/') &&
        /svix/i.test(readFileSync(fileOf(place), 'utf8')),
    );
    expect(knowing.toSorted()).toEqual([
      'cli/commands/shadow.ts',
      'importers/command.ts',
      'library/listener.ts',
    ]);
  });

  test('what a browser runs of the server needs nothing of Node', () => {
    const seen = new Set<string>();
    const visit = (file: string): string[] => {
      if (seen.has(file)) return [];
      seen.add(file);
      const imports = [
        ...readFileSync(file, 'utf8').matchAll(/^(?:im|ex)port (?!type)[^;]*?from '([^']+)';/gm),
      ];
      return imports.flatMap(([, target]) =>
        target!.startsWith('.') ? visit(join(dirname(file), target!)) : [`${file}: ${target}`],
      );
    };
    expect(browserRules.flatMap((file) => visit(join('packages', file)))).toEqual([]);
    expect(seen.size).toBeGreaterThan(4);
  });

  test('what is exported is used by another file, and not by tests alone', () => {
    const roots = ['test', 'bench', 'scripts', 'packages/*/bin', 'packages/*/src'].flatMap((root) =>
      globSync(root),
    );
    const inRoots = roots.flatMap((root) =>
      globSync('**/*.{ts,tsx,js}', { cwd: root, exclude: ['**/node_modules'] }).map((file) =>
        join(root, file),
      ),
    );
    const files = [...inRoots, 'vitest.config.ts'];
    const isTest = (file: string): boolean => file.startsWith('test/') || /\.test\.tsx?$/.test(file);
    const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
    const words = new Map([...texts].map(([file, text]) => [file, new Set(text.match(/\w+/g))] as const));
    // Re-exporting a name to other packages does not count as a use: theirs does.
    const users = files.filter((file) => !file.includes('/subpaths/'));
    const shipped = users.filter((file) => !isTest(file));
    const unused = [...texts].flatMap(([file, text]) =>
      [...text.matchAll(/^export (?:async )?(const|function|class|interface|type) (\w+)/gm)]
        .filter(([, kind, name]) => {
          // A type may be exported because an exported signature in its own file refers to it.
          const isInSignature =
            (kind === 'interface' || kind === 'type') &&
            text.match(new RegExp(`\\b${name}\\b`, 'g'))!.length > 1;
          if (isInSignature || exportedForTests.includes(`${file} ${name}`)) return false;
          return !(isTest(file) ? users : shipped).some(
            (other) => other !== file && words.get(other)!.has(name!),
          );
        })
        .map(([, , name]) => `${file} ${name}`),
    );
    expect(unused).toEqual([]);
  });

  test('what a subpath of posthorn exports is imported by another package', () => {
    const imported = new Set(
      places
        .filter((place) => packageOf(place) !== 'posthorn')
        .flatMap((place) => [
          ...readFileSync(fileOf(place), 'utf8').matchAll(
            /import (?:type )?\{([^}]*)\} from '(posthorn\/[\w-]+)'/g,
          ),
        ])
        .flatMap(([, names, entry]) => namesIn(names!).map((name) => `${entry} ${name}`)),
    );
    const exported = places
      // That entry is for applications.
      .filter((place) => place.startsWith('subpaths/') && place !== 'subpaths/opentelemetry.ts')
      .flatMap((place) =>
        [...readFileSync(fileOf(place), 'utf8').matchAll(/export (?:type )?\{([^}]*)\} from/g)].flatMap(
          ([, names]) => namesIn(names!).map((name) => `posthorn/${basename(place, '.ts')} ${name}`),
        ),
      );
    expect(exported.length).toBeGreaterThan(50);
    expect(exported.filter((name) => !imported.has(name))).toEqual([]);
  });

  test('what is not hot is written once for every database', () => {
    const cold = 'keys|sessions|redrives|markers|audit_log|audit_head|alerts|dead_letter_snoozes';
    const statement = new RegExp(`(?:FROM|INTO|UPDATE|JOIN) (?:posthorn\\.)?(?:${cold})\\b`);
    const adapters = globSync('packages/posthorn/src/store/{sqlite,postgres}/*.ts', {
      exclude: ['**/tables.ts', '**/schema.ts', '**/*.test.ts'],
    });
    const named = adapters.filter((file) => statement.test(readFileSync(file, 'utf8')));
    expect(adapters.length).toBeGreaterThan(20);
    expect(named, 'statements about these tables are in store/common').toEqual([
      // `keys` is a part of its statement.
      'packages/posthorn/src/store/postgres/claim-sql.ts',
    ]);
  });

  test('files are short', () => {
    const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n');
    const sources = tracked.filter(
      (file) => /\.(ts|tsx|mjs)$/.test(file) && !file.includes('/generated/') && existsSync(file),
    );
    expect(sources.length).toBeGreaterThan(1000);
    const long = sources.filter((file) => readFileSync(file, 'utf8').split('\n').length - 1 > maxFileLines);
    expect(long).toEqual([]);
  });

  test('functions are short', () => {
    expect(functionsOver(maxFunctionLines)).toEqual([]);
  });

  test('no cache, log or build is in the repository', () => {
    const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n');
    const rubbish =
      /(^|\/)(\.[\w-]*cache|\.schemathesis|dist|coverage|node_modules|posthorn-data)\/|\.(log|tsbuildinfo)$/;
    expect(tracked.filter((file) => rubbish.test(file))).toEqual([]);
  });

  test.each(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'])(
    'the files and pages that %s names exist',
    (page) => {
      const text = readFileSync(page, 'utf8');
      const named = [...text.matchAll(/`((?:packages|test|docs|bench)\/[\w./-]+)`|\]\(([\w./-]+)\)/g)].map(
        ([, path, link]) => path ?? link!,
      );
      expect(named.length).toBeGreaterThan(1);
      expect(named.filter((file) => !existsSync(file))).toEqual([]);
    },
  );

  test('an event and an outcome can be followed through at most 15 files, none of them twice', () => {
    const paths = readFileSync('ARCHITECTURE.md', 'utf8')
      .split('\n## ')
      .filter((section) => section.startsWith('The path of an '))
      .map((section) => [...section.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file]) => file!));
    expect(paths).toHaveLength(2);
    for (const files of paths) {
      expect(files.length).toBeLessThanOrEqual(15);
      expect(new Set(files).size).toBe(files.length);
    }
  });

  test('every page of the documentation begins with its title', () => {
    const pages = [
      ...globSync('docs/**/*.md'),
      'README.md',
      'CHANGELOG.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
    ];
    expect(pages.filter((page) => !readFileSync(page, 'utf8').startsWith('# '))).toEqual([]);
  });
});
