import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from 'posthorn/runtime';
import { AuditStopped } from './errors.ts';

/** A row as DuckDB gives it: whole numbers of 64 bits and more are bigint. */
export type Row = Readonly<Record<string, unknown>>;

/** A database of its own in memory, and a temporary directory for what does not fit: gone when the work is done or stopped. */
export interface Database {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<Row[]>;
  /** The only row of a query that has one. */
  row(sql: string): Promise<Row>;
  /** How much of the statement under way is done, 0 to 1; 0 where that is not known. */
  progress(): number;
}

export interface DatabaseOptions {
  readonly memoryMb: number;
  readonly threads?: number | undefined;
  /** IANA name: how times without a zone are read. */
  readonly timezone: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` with a fresh database in memory: what does not fit `memoryMb` goes to files in a temporary directory. A database on
 * disk would pack every column to save room that is given back a minute later. Everything is removed at the end, also when
 * `signal` stops the query under way (AuditStopped).
 */
export async function withDatabase<T>(
  options: DatabaseOptions,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  if (isStopped(signal)) throw new AuditStopped();
  await removeLeftBehind();
  const directory = await mkdtemp(join(tmpdir(), directoryPrefix(process.pid)));
  // Whatever ends the process short of SIGKILL; for that, the next audit clears up.
  const removeAtExit = (): void => rmSync(directory, { recursive: true, force: true });
  process.on('exit', removeAtExit);
  let instance: DuckDBInstance | undefined;
  let connection: DuckDBConnection | undefined;
  let cancel = (): void => {};
  const stop = (): void => {
    connection?.interrupt();
    // A statement that was only just begun does not see an interruption: it is said again.
    cancel = systemClock.after(100, stop);
  };
  signal?.addEventListener('abort', stop);
  try {
    instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryMb}MiB`,
      temp_directory: directory,
      // Rows carry their own times, so their order in the file does not have to be kept: that saves memory.
      preserve_insertion_order: 'false',
      // Everything that is needed is built in; nothing is fetched from anywhere.
      autoinstall_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    });
    connection = await instance.connect();
    await connection.run(`set TimeZone = ${quote(options.timezone)}`);
    await connection.run('set enable_progress_bar = true');
    await connection.run('set enable_progress_bar_print = false');
    return await work(databaseOn(connection, signal));
  } catch (error) {
    throw isStopped(signal) ? new AuditStopped() : error;
  } finally {
    signal?.removeEventListener('abort', stop);
    cancel();
    connection?.closeSync();
    instance?.closeSync();
    await rm(directory, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  }
}

/** Of a directory's name; of one host, for in a container that shares its directory other processes have the same numbers. */
const directoryPrefix = (pid: number | ''): string =>
  `posthorn-audit-${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-${pid}${pid === '' ? '' : '-'}`;

/** Removes the directories of audits that were killed. */
async function removeLeftBehind(): Promise<void> {
  const prefix = directoryPrefix('');
  for (const found of await readdir(tmpdir())) {
    const pid = found.startsWith(prefix) ? Number.parseInt(found.slice(prefix.length), 10) : Number.NaN;
    if (Number.isInteger(pid) && !isRunning(pid))
      // Another user's is not ours to remove.
      await rm(join(tmpdir(), found), { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function databaseOn(connection: DuckDBConnection, signal?: AbortSignal): Database {
  const rows = async (sql: string): Promise<Row[]> => {
    if (isStopped(signal)) throw new AuditStopped();
    return (await connection.runAndReadAll(sql)).getRowObjectsJS() as Row[];
  };
  return {
    rows,
    run: async (sql) => {
      if (isStopped(signal)) throw new AuditStopped();
      await connection.run(sql);
    },
    row: async (sql) => (await rows(sql))[0]!,
    progress: () => Math.max(0, connection.progress.percentage / 100),
  };
}

/** A text as SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** A number from a row: DuckDB counts in bigint. */
export function num(value: unknown): number {
  return Number(value ?? 0);
}

/** A number, or null where the database has none. */
export function numOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** Milliseconds since the epoch from a row as ISO 8601. */
export function isoOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : new Date(Number(value)).toISOString();
}

/** A text from a row; numbers in decimal. */
export function text(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'bigint' || typeof value === 'number'
      ? `${value}`
      : '';
}

/** A text, or null where the database has none. */
export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : text(value);
}
