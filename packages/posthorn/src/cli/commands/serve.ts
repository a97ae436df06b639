import { resolve } from 'node:path';
import { Command } from 'commander';
import { defaults } from '../../config/defaults.ts';
import { unknownVariables } from '../../config/environment.ts';
import { readSettings, type Settings, settingVariables } from '../../config/settings.ts';
import { isLoopback } from '../../domain/network.ts';
import { printable } from '../../domain/printable.ts';
import { CommandError } from '../output.ts';
import { createServeLog, type ServeLog } from '../serve-log.ts';
import { type Serving, startServing } from '../serve-process.ts';

export function serveCommand(): Command {
  const command = new Command('serve');
  addPlaceOptions(command);
  addNetworkOptions(command);
  addAccessOptions(command);
  addRunOptions(command);
  return command
    .option('--json', 'print the startup facts as one JSON object')
    .addHelpText(
      'after',
      '\nThe admin key is POSTHORN_API_KEY; without it, the first start creates one and prints it once.\nSecrets are encrypted with POSTHORN_SECRET_KEY; without it, with a key file in the data directory, created at the first start. Generate a key with: posthorn secrets generate\n\nExample:\n  posthorn serve --port 8400 --data-dir ./posthorn-data',
    )
    .action(serve);
}

/** Where it listens and stores. */
function addPlaceOptions(command: Command): Command {
  return command
    .option('--host <address>', `address to listen on (POSTHORN_HOST, default ${defaults.host})`)
    .option('--port <number>', `port to listen on (POSTHORN_PORT, default ${defaults.port})`)
    .option('--data-dir <path>', `data directory (POSTHORN_DATA_DIR, default ${defaults.dataDir})`)
    .option(
      '--database-url <url>',
      'PostgreSQL database to store in instead, shared by any number of nodes (POSTHORN_DATABASE_URL)',
    )
    .option(
      '--node-name <name>',
      "unique name of this node among them (POSTHORN_NODE_NAME, default: the host's name)",
    );
}

/** What it may connect to. */
function addNetworkOptions(command: Command): Command {
  return command
    .option(
      '--allow-private-networks',
      'deliver to private and local addresses too, but never to cloud metadata (POSTHORN_ALLOW_PRIVATE_NETWORKS)',
    )
    .option(
      '--allow-networks <cidrs>',
      'networks to deliver to although they are not public, comma-separated (POSTHORN_ALLOW_NETWORKS)',
    )
    .option(
      '--deny-networks <cidrs>',
      'networks never to connect to, comma-separated; overrides what is allowed (POSTHORN_DENY_NETWORKS)',
    )
    .option(
      '--proxy <url>',
      'HTTP or SOCKS5 proxy for webhooks (POSTHORN_PROXY, default: direct connections)',
    );
}

/** Who may read what, and from where. */
function addAccessOptions(command: Command): Command {
  return command
    .option(
      '--plaintext-secrets',
      'store secrets unencrypted, readable by anyone who can read the database (POSTHORN_PLAINTEXT_SECRETS)',
    )
    .option(
      '--trusted-proxies <cidrs>',
      'networks of the proxies in front, whose X-Forwarded-For names the caller, comma-separated (POSTHORN_TRUSTED_PROXIES)',
    )
    .option(
      '--public-url <url>',
      'public origin of this server for browsers; with https, TLS ends in a proxy in front of it (POSTHORN_PUBLIC_URL, default: unknown)',
    )
    .option(
      '--insecure-dashboard',
      'let browsers on other machines sign in over plain HTTP, where keys can be read in transit (POSTHORN_INSECURE_DASHBOARD)',
    )
    .option('--no-dashboard', 'serve the API only (POSTHORN_NO_DASHBOARD)')
    .option(
      '--dashboard-host <host:port>',
      'serve the dashboard at this address instead of where the API listens (POSTHORN_DASHBOARD_HOST)',
    )
    .option(
      '--metrics-key <key>',
      'key that /metrics then requires, besides the admin key (POSTHORN_METRICS_KEY, default: no key)',
    );
}

/** How long it keeps things, and how it logs and stops. */
function addRunOptions(command: Command): Command {
  return command
    .option(
      '--log-level <level>',
      `debug, info, warn, error or silent (POSTHORN_LOG_LEVEL, default ${defaults.logLevel})`,
    )
    .option(
      '--retention-days <days>',
      `days to keep finished deliveries (POSTHORN_RETENTION_DAYS, default ${defaults.retentionDays})`,
    )
    .option(
      '--dead-retention-days <days>',
      `days to keep dead letters (POSTHORN_DEAD_RETENTION_DAYS, default ${defaults.deadRetentionDays})`,
    )
    .option(
      '--audit-retention-days <days>',
      `days to keep entries of the audit log (POSTHORN_AUDIT_RETENTION_DAYS, default ${defaults.auditRetentionDays})`,
    )
    .option(
      '--stop-grace-s <seconds>',
      `seconds to let attempts in flight finish when stopping (POSTHORN_STOP_GRACE_S, default ${defaults.stopGraceS})`,
    );
}

async function serve(options: Record<string, unknown>): Promise<void> {
  // An unset variable in a script: data would go to the default directory unnoticed.
  if (options['dataDir'] === '') throw new CommandError('--data-dir is empty: name a directory', 2);
  // The command-line parser names the option after what it turns off.
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
        `posthorn: created ${printable(path)}, the key that encrypts secrets: back it up, apart from the data`,
      ),
  }).catch((error: NodeJS.ErrnoException) => {
    facts.failed();
    throw startError(error, settings);
  });
  facts.started(serving);
  await untilStopped(serving, settings.stopGraceS, log);
}

/** Time after the grace period for the rest of the stop: then the process ends, whatever still runs. */
const overtimeMs = 2000;
/** For the last lines of the log. */
const lastLinesMs = 500;
const signals = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ends the process: 0 if everything was finished or released, 1 if something has to wait for its lease, 128 plus the
 * signal number after a second signal.
 */
async function untilStopped(serving: Serving, graceS: number, log: ServeLog): Promise<void> {
  const stopped = Promise.withResolvers<number>();
  let stopping = false;
  const stop = (signal: keyof typeof signals): void => {
    if (stopping) process.exit(128 + signals[signal]);
    stopping = true;
    log.note(`stopping: finishing what is in flight, at most ${graceS} s (repeat to stop at once)`);
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
  // Whatever still keeps the process alive (a library's connection, a hanging lookup) does not delay its end.
  process.exitCode = code;
  setTimeout(() => process.exit(code), lastLinesMs).unref();
}

function startError(error: NodeJS.ErrnoException, { host, port }: Settings): Error {
  const where = `port ${port} on ${host}`;
  if (error.code === 'EADDRINUSE') return new CommandError(`${where} is in use; choose another with --port`);
  if (error.code === 'EACCES')
    return new CommandError(`this user may not listen on ${where}; choose a port from 1024 with --port`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new CommandError(`${host} is not an address of this machine; choose another with --host`);
  return error instanceof CommandError ? error : new CommandError(error.message);
}

/** Settings that work but are probably not intended. */
function warningsAbout(settings: Settings, env: NodeJS.ProcessEnv): string[] {
  const unknown = unknownVariables(env, settingVariables).map(
    ({ variable, nearest }) => `${variable} is not a setting and is ignored; did you mean ${nearest}?`,
  );
  if (isLoopback(settings.host)) return unknown;
  return [
    ...unknown,
    `--host ${settings.host} serves plain HTTP to other machines, and keys and payloads can be read in transit; put a proxy with TLS in front, and listen on 127.0.0.1`,
  ];
}

const shownOnce = (key: string): string => `Admin key (shown only once): ${key}`;

/** Prints the startup facts for an operator or a script; a new key is printed exactly once. */
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
      // The key is already stored, so this is the only chance to see it.
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
          ? `Posthorn listens on ${url} and stores data in ${printable(dataDir)}`
          : `Posthorn listens on ${url} as node ${node} and stores data in PostgreSQL`,
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
