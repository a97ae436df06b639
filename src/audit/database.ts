import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditStopped } from './errors.ts';

/** A row as DuckDB gives it: whole numbers of 64 bits and more are bigint. */
export type Row = Readonly<Record<string, unknown>>;

/** A database of its own in a temporary directory, gone when the work is done or stopped. */
export interface Database {
  readonly directory: string;
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
 * Runs `work` with a fresh database on disk: what does not fit `memoryMb` goes to files beside it. Everything is removed
 * at the end, also when `signal` stops the query under way (AuditStopped).
 */
export async function withDatabase<T>(
  options: DatabaseOptions,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  if (isStopped(signal)) throw new AuditStopped();
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-audit-'));
  let instance: DuckDBInstance | undefined;
  let connection: DuckDBConnection | undefined;
  const stop = (): void => connection?.interrupt();
  signal?.addEventListener('abort', stop);
  try {
    instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryMb}MiB`,
      temp_directory: join(directory, 'spill'),
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
    return await work(databaseOn(connection, directory, signal));
  } catch (error) {
    throw isStopped(signal) ? new AuditStopped() : error;
  } finally {
    signal?.removeEventListener('abort', stop);
    connection?.closeSync();
    instance?.closeSync();
    await rm(directory, { recursive: true, force: true });
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
    directory,
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
