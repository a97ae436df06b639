import { resolve } from 'node:path';
import { Command } from 'commander';
import { defaults } from '../../config/defaults.ts';
import { unknownVariables } from '../../config/environment.ts';
import { readSettings, type Settings, settingVariables } from '../../config/settings.ts';
import { isLoopback } from '../../domain/network.ts';
import { printable } from '../../report/printable.ts';
import { CommandError } from '../output.ts';
import { createServeLog, type ServeLog } from '../serve-log.ts';
import { type Serving, startServing } from '../serve-process.ts';

export function serveCommand(): Command {
  return new Command('serve')
    .option('--host <address>', `address to listen on (POSTHORN_HOST, default ${defaults.host})`)
    .option('--port <number>', `port to listen on (POSTHORN_PORT, default ${defaults.port})`)
    .option(
      '--data-dir <path>',
      `where everything is stored (POSTHORN_DATA_DIR, default ${defaults.dataDir})`,
    )
    .option(
      '--database-url <url>',
      'PostgreSQL to store in instead, shared by any number of nodes (POSTHORN_DATABASE_URL)',
    )
    .option(
      '--node-name <name>',
      'name of this node among them, unique (POSTHORN_NODE_NAME, default: made up)',
    )
    .option(
      '--allow-private-networks',
      'deliver to private and local addresses too, never to cloud metadata (POSTHORN_ALLOW_PRIVATE_NETWORKS)',
    )
    .option(
      '--allow-networks <cidrs>',
      'networks to deliver to although they are not public, separated by commas (POSTHORN_ALLOW_NETWORKS)',
    )
    .option(
      '--deny-networks <cidrs>',
      'networks never to connect to, separated by commas; wins over what is allowed (POSTHORN_DENY_NETWORKS)',
    )
    .option(
      '--proxy <url>',
      'HTTP or SOCKS5 proxy that webhooks go through (POSTHORN_PROXY, default: direct connections)',
    )
    .option(
      '--plaintext-secrets',
      'store secrets as they are, readable by whoever reads the database (POSTHORN_PLAINTEXT_SECRETS)',
    )
    .option(
      '--public-url <url>',
      'origin that browsers reach this server by; with https, TLS ends in a proxy before it (POSTHORN_PUBLIC_URL, default: not known)',
    )
    .option(
      '--insecure-dashboard',
      'let browsers sign in over plain HTTP from other machines, where keys can be read on the way (POSTHORN_INSECURE_DASHBOARD)',
    )
    .option('--no-dashboard', 'serve the API only (POSTHORN_NO_DASHBOARD)')
    .option(
      '--dashboard-host <host:port>',
      'serve the dashboard there, and not where the API listens (POSTHORN_DASHBOARD_HOST)',
    )
    .option(
      '--metrics-key <key>',
      'key that /metrics then takes, beside the admin key (POSTHORN_METRICS_KEY, default: no key)',
    )
    .option(
      '--log-level <level>',
      `debug, info, warn, error or silent (POSTHORN_LOG_LEVEL, default ${defaults.logLevel})`,
    )
    .option(
      '--retention-days <days>',
      `keep finished deliveries so long (POSTHORN_RETENTION_DAYS, default ${defaults.retentionDays})`,
    )
    .option(
      '--dead-retention-days <days>',
      `keep dead letters so long (POSTHORN_DEAD_RETENTION_DAYS, default ${defaults.deadRetentionDays})`,
    )
    .option(
      '--audit-retention-days <days>',
      `keep entries of the audit log so long (POSTHORN_AUDIT_RETENTION_DAYS, default ${defaults.auditRetentionDays})`,
    )
    .option(
      '--stop-grace-s <seconds>',
      `let attempts in flight finish for so long when stopped (POSTHORN_STOP_GRACE_S, default ${defaults.stopGraceS})`,
    )
    .option('--json', 'print the start-up facts as one JSON object')
    .addHelpText(
      'after',
      '\nThe admin key is POSTHORN_API_KEY; without it one is made at the first start and printed once.\nSecrets are encrypted with POSTHORN_SECRET_KEY; without it with a key file in the data directory, made at the first start. Make one with: posthorn secrets generate\n\nExample:\n  posthorn serve --port 8400 --data-dir ./posthorn-data',
    )
    .action(async (options: Record<string, unknown>) => {
      // A script's variable that was not set: data would go to the usual directory, where nobody looks for it.
      if (options['dataDir'] === '') throw new CommandError('--data-dir is empty: name a directory', 2);
      // The command line's parser calls it by what it takes away.
      const given = options['dashboard'] === false ? { ...options, noDashboard: true } : options;
      const read = readSettings(given, process.env);
      if ('faults' in read) throw new CommandError(read.faults.join('\n'), 2);
      const { settings } = read;
      const log = createServeLog(settings.logLevel);
      for (const line of warningsAbout(settings, process.env)) log.note(`posthorn: warning: ${line}`);
      const facts = startFacts(settings, options['json'] === true, log);
      const serving = await startServing(settings, {
        logger: log,
        onNewKey: facts.newKey,
        onKeyFile: (path) =>
          log.note(
            `posthorn: made ${printable(path)}, the key that secrets are encrypted with: back it up, apart from the data`,
          ),
      }).catch((error: NodeJS.ErrnoException) => {
        facts.failed();
        throw startError(error, settings);
      });
      facts.started(serving);
      await untilStopped(serving, settings.stopGraceS, log);
    });
}

/** After the grace time, for the end of everything: then the process ends whatever still holds it. */
const overtimeMs = 2000;
/** For the last lines of the log. */
const lastLinesMs = 500;
const signals = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ends the process: 0 if everything was finished or given back, 1 if something has to wait for its lease, 128 and the
 * number of the signal if a second one came.
 */
async function untilStopped(serving: Serving, graceS: number, log: ServeLog): Promise<void> {
  const stopped = Promise.withResolvers<number>();
  let stopping = false;
  const stop = (signal: keyof typeof signals): void => {
    if (stopping) process.exit(128 + signals[signal]);
    stopping = true;
    log.note(`stopping: finishing what is in flight, ${graceS} s at most (again to stop at once)`);
    setTimeout(() => process.exit(1), graceS * 1000 + overtimeMs).unref();
    serving.stop().then(
      ({ released, unsettled, closed }) => stopped.resolve(released && unsettled === 0 && closed ? 0 : 1),
      (error: Error) => {
        log.note(`the stop failed: ${error.message}`);
        stopped.resolve(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const code = await stopped.promise;
  // Whatever still holds the process (a connection of a library, a lookup that hangs) does not keep it.
  process.exitCode = code;
  setTimeout(() => process.exit(code), lastLinesMs).unref();
}

function startError(error: NodeJS.ErrnoException, { host, port }: Settings): Error {
  const where = `port ${port} on ${host}`;
  if (error.code === 'EADDRINUSE') return new CommandError(`${where} is taken; choose another with --port`);
  if (error.code === 'EACCES')
    return new CommandError(`this user may not listen on ${where}; choose one from 1024 with --port`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new CommandError(`${host} is not an address of this machine; choose another with --host`);
  return error instanceof CommandError ? error : new CommandError(error.message);
}

/** What works and is probably not meant. */
function warningsAbout(settings: Settings, env: NodeJS.ProcessEnv): string[] {
  const unknown = unknownVariables(env, settingVariables).map(
    ({ variable, nearest }) => `${variable} is not a setting and is ignored; the nearest one is ${nearest}`,
  );
  if (isLoopback(settings.host)) return unknown;
  return [
    ...unknown,
    `--host ${settings.host} serves plain HTTP to other machines, and keys and payloads can be read on the way; put a proxy with TLS in front, and listen on 127.0.0.1`,
  ];
}

const shownOnce = (key: string): string => `Admin key (shown this once): ${key}`;

/** Prints what a person or a script needs to know of a start; a key that was made is printed exactly once. */
function startFacts(
  settings: Settings,
  json: boolean,
  log: ServeLog,
): { newKey(key: string): void; failed(): void; started(serving: Serving): void } {
  let made: string | null = null;
  const embedded = settings.databaseUrl === undefined;
  const dataDir = resolve(settings.dataDir);
  return {
    newKey: (key) => {
      made = key;
    },
    failed: () => {
      // The key is stored already, so this is the only chance to learn it.
      if (made !== null) log.print(json ? JSON.stringify({ url: null, api_key: made }) : shownOnce(made));
    },
    started: ({ url, node }) => {
      if (json) {
        const where = embedded ? { data_dir: settings.dataDir } : { node };
        log.print(JSON.stringify({ url, ...where, api_key: made }));
        return;
      }
      log.print(
        embedded
          ? `Posthorn listens on ${url} and stores in ${printable(dataDir)}`
          : `Posthorn listens on ${url} as node ${node} and stores in PostgreSQL`,
      );
      if (made !== null) log.print(shownOnce(made));
      else if (settings.apiKey === undefined)
        log.print('Admin key: the one printed at the first start; set POSTHORN_API_KEY to use another.');
      if (!settings.noDashboard) {
        const at = settings.dashboardHost;
        log.print(
          `Dashboard: open ${at === undefined ? url : `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`}/ and sign in with the admin key.`,
        );
      }
      log.print(
        `Next: export POSTHORN_API_KEY=phk_…; curl -H "Authorization: Bearer $POSTHORN_API_KEY" ${url}/v1/accounting`,
      );
    },
  };
}
