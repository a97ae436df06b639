import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freePort } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { openPostgresStore } from '../../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../../packages/posthorn/src/store/sqlite/open.ts';
import type { Store } from '../../packages/posthorn/src/store/store.ts';
import { ask, startPostgres } from '../../test/postgres.ts';
import { createWireClient, type WireClient } from '../../test/wire-client.ts';

export const apiKey = 'phk_bench_0123456789abcdef';
const script = fileURLToPath(new URL('../../bin/posthorn.js', import.meta.url));
const ticksPerS = 100;

/** A `posthorn serve` in a process of its own. */
export interface Served {
  readonly url: string;
  readonly client: WireClient;
  readonly process: ChildProcess;
  /** Processor seconds of the server so far. */
  spentS(): Promise<number>;
  /** One value of `/metrics`; of several with this name, the first. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

/** A database, or a data directory, that no server uses yet. */
export interface Place {
  openStore(): Promise<Store>;
  /** Runs statements; `posthorn.` before a table's name is left out on SQLite. */
  run(...statements: readonly string[]): Promise<void>;
  /** The plan must not depend on when statistics are gathered by themselves. */
  settle(): Promise<void>;
  /** `nodeOptions`: of Node itself. */
  serve(nodeOptions?: readonly string[]): Promise<Served>;
  /** Bytes of the data, and of the write-ahead log that is not yet in it. */
  sizes(): Promise<{ readonly data: number; readonly log: number }>;
}

export interface Ground {
  readonly name: 'SQLite' | 'PostgreSQL';
  newPlace(): Promise<Place>;
  /** Processor seconds of the database's own processes so far. */
  spentS(): number;
  stop(): Promise<void>;
}

async function serveOn(where: readonly string[], nodeOptions: readonly string[] = []): Promise<Served> {
  const port = await freePort();
  const options = ['--port', String(port), '--allow-private-networks', '--log-level', 'error'];
  const child = spawn(process.execPath, [...nodeOptions, script, 'serve', ...options, ...where], {
    env: { ...process.env, POSTHORN_API_KEY: apiKey },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)`, 'm').exec(text)?.[1]);
  };
  return {
    url,
    client: createWireClient(url, apiKey),
    process: child,
    metric,
    spentS: () => metric('process_cpu_seconds_total'),
    stop: () => kill(child, 'SIGTERM'),
  };
}

const bytesIn = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

export function sqliteGround(): Ground {
  const made: string[] = [];
  return {
    name: 'SQLite',
    spentS: () => 0,
    newPlace: async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
      made.push(dataDir);
      const file = join(dataDir, 'posthorn.db');
      return {
        openStore: async () => await openSqliteStore({ dataDir, thread: true }),
        run: async (...statements) => {
          const db = new DatabaseSync(file);
          db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -512000');
          for (const sql of statements) db.exec(sql.replaceAll('posthorn.', ''));
          db.close();
        },
        settle: async () => {
          const db = new DatabaseSync(file);
          db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
          db.close();
        },
        serve: (nodeOptions) => serveOn(['--data-dir', dataDir], nodeOptions),
        sizes: async () => ({ data: bytesIn(file), log: bytesIn(`${file}-wal`) }),
      };
    },
    stop: async () => {
      for (const dir of made) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Parent and processor ticks of a process, with those of its children that have ended. */
function processTimes(pid: string): { readonly parent: string; readonly ticks: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: fields[1]!, ticks: fields.slice(11, 15).reduce((sum, one) => sum + Number(one), 0) };
}

/** Processor seconds of PostgreSQL's processes; not known where there is no /proc. */
function processorSeconds(postmaster: string): number {
  let ticks = 0;
  try {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        const one = processTimes(pid);
        if (pid === postmaster || one.parent === postmaster) ticks += one.ticks;
      } catch {
        // It ended meanwhile, and is counted with its parent.
      }
    return ticks / ticksPerS;
  } catch {
    return Number.NaN;
  }
}

/** The process that all others of this server descend from. */
async function postmasterOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const { parent } = processTimes(String(rows[0]!.pid));
  await client.end();
  return parent;
}

export async function postgresGround(): Promise<Ground> {
  const settings = ['shared_buffers=1GB', 'max_wal_size=4GB', 'shared_preload_libraries=pg_stat_statements'];
  const postgres = await startPostgres({ durable: true, settings });
  const first = await postgres.createDatabase();
  const own = await postmasterOf(first);
  return {
    name: 'PostgreSQL',
    spentS: () => processorSeconds(own),
    newPlace: async () => {
      const url = await postgres.createMigrated();
      const number = async (sql: string): Promise<number> =>
        Number((await ask<{ n: string }>(url, `SELECT ${sql} AS n`))[0]!.n);
      return {
        openStore: async () => (await openPostgresStore(url)).store,
        run: async (...statements) => void (await ask(url, 'SET synchronous_commit = off', ...statements)),
        settle: async () => void (await ask(url, 'VACUUM ANALYZE', 'CHECKPOINT')),
        serve: (nodeOptions) => serveOn(['--database-url', url, '--plaintext-secrets'], nodeOptions),
        sizes: async () => ({
          data: await number('pg_database_size(current_database())'),
          log: await number('(SELECT sum(size) FROM pg_ls_waldir())'),
        }),
      };
    },
    stop: () => postgres.stop(),
  };
}
