import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

// What each folder of the source may import and use (docs/internals/packages.md).

/** The part of the alert rules that runs in browsers too. */
export const browserRules = ['backtest', 'counts', 'rules'].map(
  (name) => `posthorn/src/reliability/${name}.ts`,
);

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
    from: [
      'cli/output.ts',
      'cli/private-file.ts',
      'cli/remote.ts',
      'cli/shadow/other-sender.ts',
      'contract',
      'domain',
      'importers/database.ts',
      'importers/declarations.ts',
      'importers/shared-fields.ts',
      'runtime',
      'svix/endpoint-fields.ts',
    ],
    drivers: ['pg'],
    packages: ['@posthorn/client'],
  },
  // Writes declarations of what other senders have, and reports what it took.
  {
    of: 'importers',
    from: ['cli/output.ts', 'cli/private-file.ts', 'contract', 'domain', 'svix/import/command.ts'],
    drivers: ['pg'],
  },
  // Consumes brokers, and publishes as `posthorn publish` does: nothing of it is on the path of a delivery.
  {
    of: 'ingest',
    from: ['cli/publish', 'domain', 'runtime', 'service/raw-json.ts'],
    packages: ['@posthorn/client'],
    drivers: [
      'pg',
      '@platformatic/kafka',
      '@nats-io/jetstream',
      '@nats-io/transport-node',
      '@aws-sdk/client-sqs',
    ],
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
      'importers/command.ts',
      'ingest',
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
  '@platformatic/kafka',
  '@nats-io/jetstream',
  '@nats-io/transport-node',
  '@aws-sdk/client-sqs',
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
export function fileOf(place: string): string {
  const [, name = 'posthorn', rest] = /^(?:(@posthorn\/\w+)\/)?(.+)$/.exec(place)!;
  return join('packages', packageNamed(name).folder, 'src', rest!);
}

export const places = [...manifests.values()].flatMap(({ name, folder }) =>
  globSync('**/*.{ts,tsx}', { cwd: join('packages', folder, 'src') })
    .filter((file) => !/\.test\.tsx?$/.test(file))
    .map((file) => (name === 'posthorn' ? file : `${name}/${file}`)),
);

export const packageOf = (place: string): string => /^@posthorn\/\w+/.exec(place)?.[0] ?? 'posthorn';

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
export function faults(place: string, text: string): string[] {
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
  return found;
}
