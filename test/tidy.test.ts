import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { functionsOver } from './function-lengths.ts';

/** The part of the alert rules that runs in browsers too. */
const browserRules = ['backtest', 'counts', 'rules'].map((name) => `posthorn/src/reliability/${name}.ts`);

/**
 * What a folder may import, besides itself: folders, packages (entry by entry), and drivers. A folder of `posthorn` has its
 * plain name, one of another package the package's name before it. See docs/internals/packages.md.
 */
const mayImport: readonly {
  readonly of: string;
  readonly from: readonly string[];
  readonly packages?: readonly string[];
  readonly drivers?: readonly string[];
}[] = [
  { of: 'domain', from: [] },
  { of: 'runtime', from: ['domain'] },
  { of: 'signing', from: ['domain'] },
  { of: 'secrets', from: ['domain'] },
  { of: 'config', from: ['domain', 'secrets'] },
  {
    of: 'store/sqlite',
    from: ['domain', 'runtime', 'store'],
    drivers: ['node:sqlite', 'node:worker_threads'],
  },
  { of: 'store/postgres', from: ['domain', 'store'], drivers: ['pg'] },
  { of: 'store', from: ['domain'] },
  { of: 'transport', from: ['domain', 'runtime'], drivers: ['nodemailer'] },
  { of: 'tracing', from: ['domain', 'store', 'transport', 'engine'], drivers: ['@opentelemetry/api'] },
  // Only the port of the transport, and how a proxy's URL is read.
  {
    of: 'engine',
    from: [
      'config',
      'domain',
      'runtime',
      'secrets',
      'signing',
      'store',
      'transport/transport.ts',
      'transport/reach.ts',
      'transport/proxy.ts',
    ],
  },
  { of: 'ledger', from: ['domain', 'runtime', 'store'] },
  // Runs user code in threads that can be terminated.
  { of: 'sandbox', from: ['domain', 'runtime'], drivers: ['node:worker_threads', 're2js'] },
  {
    of: 'validation',
    from: ['domain', 'runtime', 'sandbox'],
    drivers: ['ajv/dist/2020.js', 'ajv-formats'],
  },
  { of: 'transformation', from: ['domain', 'runtime', 'sandbox', 'engine'], drivers: ['jsonata', 're2js'] },
  { of: 'contract', from: ['domain'] },
  {
    of: 'service',
    from: [
      'domain',
      'contract',
      'impact',
      'runtime',
      'secrets',
      'signing',
      'store',
      'engine',
      'ledger',
      'reliability',
      'sandbox',
      'transformation',
      'validation',
    ],
  },
  {
    of: 'http',
    from: ['domain', 'contract', 'service', 'runtime', 'store/idempotency.ts'],
  },
  // An API of another shape, over the same use cases: nothing else knows of it.
  { of: 'svix', from: ['domain', 'contract', 'service', 'http', 'store/idempotency.ts'] },
  // Writes declarations of what such a server's database has.
  {
    of: 'svix/import',
    from: ['contract', 'cli/output.ts', 'cli/private-file.ts', 'svix/endpoint-fields.ts'],
    drivers: ['pg'],
  },
  { of: 'logs', from: ['domain'] },
  { of: 'report', from: ['domain'] },
  // Compares what happened before a change and after it: what an audit found, or what a store's counters say.
  { of: 'impact', from: ['domain', 'report', 'store', 'reliability'] },
  { of: 'reliability', from: ['domain', 'runtime', 'logs', 'report', 'store', 'transport/transport.ts'] },
  // Puts nodes together too (`serve`, `demo`, `verify`), and reads files and stores where no server runs.
  {
    of: 'cli',
    from: [
      '.',
      'config',
      'contract',
      'domain',
      'engine/port.ts',
      'engine/tracing.ts',
      'http/authentication.ts',
      'ledger',
      'library',
      'logs',
      'reliability',
      'report',
      'runtime',
      'secrets',
      'service',
      'signing',
      'store',
      'svix/import/command.ts',
      'tracing',
      'transport',
    ],
    packages: ['@posthorn/client', '@posthorn/client/operations'],
  },
  // What other packages need.
  { of: 'subpaths', from: ['*'] },
  // The calls of the library, which run the use cases.
  {
    of: 'library',
    from: ['*'],
    packages: ['@posthorn/client/operations', '@posthorn/client/types'],
  },
  // Puts one node together, as the command line does.
  { of: '.', from: ['*'], packages: ['@posthorn/client/types'] },

  // Receivers and publishers install it: it needs nothing.
  { of: '@posthorn/client', from: ['@posthorn/client/runtime', '@posthorn/client/receiver'] },
  // Frameworks and databases are the application's: it knows their shapes.
  { of: '@posthorn/client/receiver', from: ['@posthorn/client/runtime'] },
  { of: '@posthorn/client/runtime', from: [] },
  // Reads logs of any sender, independent of how Posthorn stores its own.
  {
    of: '@posthorn/audit',
    from: [],
    packages: ['posthorn/domain', 'posthorn/impact', 'posthorn/runtime', 'posthorn/report', 'posthorn/logs'],
    drivers: ['@duckdb/node-api'],
  },
  {
    of: '@posthorn/audit/cli',
    from: ['@posthorn/audit'],
    packages: [
      'posthorn/alert-rules',
      'posthorn/cli',
      'posthorn/domain',
      'posthorn/impact',
      'posthorn/report',
      'posthorn/store',
      '@posthorn/lab',
    ],
  },
  // The code that ships, on the real embedded store: only time, randomness, network and receivers are simulated.
  {
    of: '@posthorn/lab',
    from: [],
    packages: [
      'posthorn/domain',
      'posthorn/engine',
      'posthorn/logs',
      'posthorn/report',
      'posthorn/runtime',
      'posthorn/sqlite',
      'posthorn/store',
    ],
    drivers: ['node:worker_threads'],
  },
  // Talks to the API only: of the server it knows the types of the calls. Its charts are of one hand with the reports'.
  // It tries the server's rules of alerts on counts, in a worker, and compares rates: pure code.
  {
    of: '@posthorn/dashboard',
    from: [
      'posthorn/src/contract/table.ts',
      'posthorn/src/domain/missing-events.ts',
      'posthorn/src/domain/statistics.ts',
      'posthorn/src/report',
      ...browserRules,
    ],
  },
  { of: '@posthorn/lab/cli', from: ['@posthorn/lab'], packages: ['posthorn/cli', 'posthorn/domain'] },
];
const drivers = [
  'node:sqlite',
  'node:worker_threads',
  'ajv/dist/2020.js',
  'ajv-formats',
  're2js',
  'jsonata',
  'undici',
  'nodemailer',
  'pg',
  '@duckdb/node-api',
  '@opentelemetry/api',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
];
/** Runs in a browser: nothing of it is simulated. */
const browsers = ['@posthorn/dashboard'];
const commandLines = ['cli', '@posthorn/audit/cli', '@posthorn/lab/cli'];
const runtimes = ['runtime', '@posthorn/client/runtime'];
const bans: readonly { readonly what: RegExp; readonly allowed: readonly string[] }[] = [
  {
    what: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    allowed: [...runtimes, ...commandLines, ...browsers],
  },
  { what: /\bset(Timeout|Interval|Immediate)\(/, allowed: [...runtimes, ...commandLines, ...browsers] },
  {
    what: /\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/,
    allowed: [...runtimes, ...commandLines, ...browsers],
  },
  { what: /\bprocess\.env\b/, allowed: commandLines },
  { what: /\bconsole\./, allowed: [] },
  // getaddrinfo holds one of libuv's four threads for each lookup (G8).
  { what: /\{[^}]*\blookup\b[^}]*\} from 'node:dns'/, allowed: [] },
];

/** The manifest of each package, by its name. */
const manifests = new Map(
  globSync('packages/*/package.json').map((file) => {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly name: string;
      readonly exports: Readonly<Record<string, unknown>>;
      readonly dependencies?: Readonly<Record<string, string>>;
      readonly peerDependencies?: Readonly<Record<string, string>>;
      /** Compiled into the package. */
      readonly devDependencies?: Readonly<Record<string, string>>;
    };
    return [manifest.name, { folder: basename(dirname(file)), ...manifest }] as const;
  }),
);
const packageNamed = (name: string) => manifests.get(name)!;

/** A path in the tables above, as a file: `domain/x.ts` is packages/posthorn/src/domain/x.ts. */
function fileOf(place: string): string {
  const [, name = 'posthorn', rest] = /^(?:(@posthorn\/\w+)\/)?(.+)$/.exec(place)!;
  return join('packages', packageNamed(name).folder, 'src', rest!);
}

const places = [...manifests.values()].flatMap(({ name, folder }) =>
  globSync('**/*.{ts,tsx}', { cwd: join('packages', folder, 'src') })
    .filter((file) => !/\.test\.tsx?$/.test(file))
    .map((file) => (name === 'posthorn' ? file : `${name}/${file}`)),
);

const packageOf = (place: string): string => /^@posthorn\/\w+/.exec(place)?.[0] ?? 'posthorn';

function folderOf(place: string): string {
  const folder = dirname(place);
  // The longest name that fits: the folder of a package may have rules of its own.
  return (
    mayImport
      .map(({ of }) => of)
      .filter((of) => folder === of || folder.startsWith(`${of}/`))
      .toSorted((a, b) => b.length - a.length)[0] ?? folder
  );
}

/** Why `place`, in `folder`, must not import the module `target` of a package; null where it may. */
function packageFault(place: string, target: string, rule: (typeof mayImport)[number]): string | null {
  const [, name, entry = ''] = /^((?:@[\w-]+\/)?[\w.-]+)(\/.+)?$/.exec(target) ?? [];
  if (drivers.includes(target) && !rule.drivers?.includes(target) && !rule.from.includes('*'))
    return `${place}: imports the driver ${target}`;
  if (name === undefined || target.startsWith('node:')) return null;
  const { dependencies, peerDependencies, devDependencies } = packageNamed(packageOf(place));
  if ({ ...dependencies, ...peerDependencies, ...devDependencies }[name] === undefined)
    return `${place}: imports ${name}, which its package does not depend on`;
  const ours = manifests.get(name);
  if (ours === undefined) return null;
  if (rule.packages?.includes(target) !== true) return `${place}: imports ${target}`;
  return ours.exports[`.${entry}`] === undefined
    ? `${place}: imports ${target}, which is not exported`
    : null;
}

/** Faults of one file. */
function faults(place: string, text: string): string[] {
  const found: string[] = [];
  const folder = folderOf(place);
  const rule = mayImport.find(({ of }) => of === folder);
  if (rule === undefined) return [`${place}: no rule says what ${folder} may import`];
  for (const [, target] of text.matchAll(/(?:from|import)\s+'([^']+)'/g)) {
    if (!target!.startsWith('.')) {
      const fault = packageFault(place, target!, rule);
      if (fault !== null) found.push(fault);
      continue;
    }
    const to = join(dirname(place), target!);
    const toFolder = folderOf(to);
    const fine =
      toFolder === folder ||
      (rule.from.includes('*') && packageOf(to) === packageOf(place) && !to.startsWith('..')) ||
      rule.from.some((allowed) => [toFolder, to].includes(allowed) || to.startsWith(`${allowed}/`));
    const adapter =
      !['cli', 'subpaths', '.'].includes(folder) &&
      (toFolder === 'store/sqlite' ||
        toFolder === 'store/postgres' ||
        to === 'transport/http-transport.ts') &&
      toFolder !== folder;
    if (!fine || adapter) found.push(`${place}: imports ${to}`);
  }
  for (const { what, allowed } of bans) {
    if (what.test(text) && !allowed.includes(folder)) found.push(`${place}: uses ${what.exec(text)![0]}`);
  }
  if (text.split('\n').length > 500 && !place.includes('/generated/'))
    found.push(`${place}: is longer than 500 lines`);
  return found;
}

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

/** Ratchets: they only go down. The aim is 70 lines. */
const maxFunctionLines = 113;
const maxFunctionsOver70 = 10;

/** The names in the braces of an import or an export. */
const namesIn = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '');

describe('the source is tidy', () => {
  test('imports, clocks, timers, randomness, environment and length', () => {
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

  test('only its adapter, and the lines that mount it and its importer, know of the other API', () => {
    const knowing = places.filter(
      (place) =>
        packageOf(place) === 'posthorn' &&
        !place.startsWith('svix/') &&
        /svix/i.test(readFileSync(fileOf(place), 'utf8')),
    );
    expect(knowing.toSorted()).toEqual(['cli/commands.ts', 'library/listener.ts']);
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
    const files = roots.flatMap((root) =>
      globSync('**/*.{ts,tsx,js}', { cwd: root, exclude: ['**/node_modules'] }).map((file) =>
        join(root, file),
      ),
    );
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
    const cold = 'keys|sessions|markers|audit_log|audit_head|alerts|dead_letter_snoozes';
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

  test('functions are short', () => {
    const long = functionsOver(70);
    expect(long.filter(({ lines }) => lines > maxFunctionLines)).toEqual([]);
    expect(long.length, 'functions over 70 lines').toBeLessThanOrEqual(maxFunctionsOver70);
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
