import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from 'posthorn/runtime';
import { AuditStopped } from './errors.ts';

/** A row as DuckDB returns it: integers of 64 bits and more are bigint. */
export type Row = Readonly<Record<string, unknown>>;

/** A private database in memory, with a temporary directory for what does not fit; both are removed when the work ends. */
export interface Database {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<Row[]>;
  /** Returns the only row of a query. */
  row(sql: string): Promise<Row>;
  /** The progress of the running statement, 0 to 1; 0 if it is unknown. */
  progress(): number;
  /** For files of the work itself; removed with the rest. */
  readonly directory: string;
}

export interface DatabaseOptions {
  readonly memoryMb: number;
  readonly threads?: number | undefined;
  /** IANA name of the zone for times without one. */
  readonly timezone: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `work` with a new database in memory: what does not fit into `memoryMb` goes to files in a temporary directory. A database
 * on disk would compress every column to save space that is freed a minute later. Everything is removed at the end, also if
 * `signal` stops the running query (AuditStopped).
 */
export async function withDatabase<T>(
  options: DatabaseOptions,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  if (isStopped(signal)) throw new AuditStopped();
  await removeLeftBehind();
  const directory = await mkdtemp(join(tmpdir(), directoryPrefix(process.pid)));
  // Any end of the process except SIGKILL; after that one, the next audit cleans up.
  const removeAtExit = (): void => rmSync(directory, { recursive: true, force: true });
  process.on('exit', removeAtExit);
  let instance: DuckDBInstance | undefined;
  let connection: DuckDBConnection | undefined;
  let cancel = (): void => {};
  const stop = (): void => {
    connection?.interrupt();
    // A statement that has only just started misses an interruption, so the interruption is repeated.
    cancel = systemClock.after(100, stop);
  };
  signal?.addEventListener('abort', stop);
  try {
    instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryMb}MiB`,
      temp_directory: directory,
      // Rows contain their own times, so their order in the file does not matter: this saves memory.
      preserve_insertion_order: 'false',
      // All extensions are built in; nothing is downloaded.
      autoinstall_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    });
    connection = await instance.connect();
    await connection.run(`set TimeZone = ${quote(options.timezone)}`);
    await connection.run('set enable_progress_bar = true');
    await connection.run('set enable_progress_bar_print = false');
    return await work(databaseOn(connection, directory, signal));
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

/** The prefix of a directory's name. It contains the host, because processes in other containers can have the same numbers. */
const directoryPrefix = (pid: number | ''): string =>
  `posthorn-audit-${hostname().replaceAll(/[^A-Za-z0-9]/g, '_')}-${pid}${pid === '' ? '' : '-'}`;

/** Removes the directories of audits that were killed. */
async function removeLeftBehind(): Promise<void> {
  const prefix = directoryPrefix('');
  for (const found of await readdir(tmpdir())) {
    const pid = found.startsWith(prefix) ? Number.parseInt(found.slice(prefix.length), 10) : Number.NaN;
    if (Number.isInteger(pid) && !isRunning(pid))
      // Directories of other users stay.
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

function databaseOn(connection: DuckDBConnection, directory: string, signal?: AbortSignal): Database {
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
    directory,
    progress: () => Math.max(0, connection.progress.percentage / 100),
  };
}

/** Returns a text as an SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns a name as an SQL identifier. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Reads a number from a row: DuckDB counts in bigint. */
export function num(value: unknown): number {
  return Number(value ?? 0);
}

/** Reads a number, or null if the database has none. */
export function numOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** Reads milliseconds since the epoch from a row as ISO 8601. */
export function isoOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : new Date(Number(value)).toISOString();
}

/** Reads a text from a row; numbers in decimal. */
export function text(value: unknown): string {
  return typeof value === 'string'
    ? value
    : typeof value === 'bigint' || typeof value === 'number'
      ? `${value}`
      : '';
}

/** Reads a text, or null if the database has none. */
export function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : text(value);
}
