import { type ClientRuntime, systemRuntime } from '../../runtime/system.ts';
import {
  checkId,
  Counts,
  type Inbox,
  InboxBusyError,
  type InboxCounters,
  type InboxOptions,
  inboxSchema,
  type InboxSettings,
  InboxUsageError,
  type Processed,
  type Pruned,
  pruneInSteps,
  pruneRows,
  settingsFrom,
} from './inbox.ts';
import { Turns } from './turns.ts';

/** A connection of `node:sqlite` or better-sqlite3. */
export interface SqliteConnection {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(...values: (string | number)[]): { readonly changes: number | bigint };
    get(): unknown;
  };
  /** In `node:sqlite`. */
  readonly isTransaction?: boolean;
  /** In better-sqlite3. */
  readonly inTransaction?: boolean;
}

type InboxRuntime = Pick<ClientRuntime, 'now' | 'wait' | 'random'>;

const maxPauseMs = 50;

/** Inboxes of one connection take turns: it has one transaction at a time. */
const turnsOfConnection = new WeakMap<SqliteConnection, Turns<'transaction'>>();

/**
 * Returns an inbox in a SQLite database. The transaction is the connection's, so nothing else may write through this connection while
 * an asynchronous handler runs: give the inbox a connection of its own.
 */
export function sqliteInbox<Connection extends SqliteConnection>(
  connection: Connection,
  options: InboxOptions = {},
  runtime: InboxRuntime = systemRuntime,
): Inbox<Connection> {
  return new SqliteInbox(connection, settingsFrom(options), runtime);
}

class SqliteInbox<Connection extends SqliteConnection> implements Inbox<Connection> {
  readonly #connection: Connection;
  readonly #settings: InboxSettings;
  readonly #runtime: InboxRuntime;
  readonly #turns: Turns<'transaction'>;
  readonly #counts = new Counts();
  /** How long SQLite itself waits for a lock, in ms; null: not read yet. */
  #busyTimeoutMs: number | null = null;

  constructor(connection: Connection, settings: InboxSettings, runtime: InboxRuntime) {
    this.#connection = connection;
    this.#settings = settings;
    this.#runtime = runtime;
    this.#turns = turnsOfConnection.get(connection) ?? new Turns(runtime);
    turnsOfConnection.set(connection, this.#turns);
  }

  process<Result>(
    webhookId: string,
    handle: (tx: Connection) => Result | Promise<Result>,
  ): Promise<Processed<Result>> {
    return this.#counts.track(() =>
      this.#inTransaction(async () => {
        checkId('webhook id', webhookId);
        if (!this.#insert(this.#connection, webhookId)) return { outcome: 'duplicate' };
        return { outcome: 'processed', result: await handle(this.#connection) };
      }),
    );
  }

  async record(tx: Connection, webhookId: string): Promise<boolean> {
    return this.#insert(tx, checkId('webhook id', webhookId));
  }

  async prune(): Promise<Pruned> {
    const { source, table, retentionS } = this.#settings;
    const before = this.#runtime.now() - retentionS * 1000;
    const pruned = await pruneInSteps(() =>
      this.#inTransaction(async () =>
        Number(
          this.#connection
            .prepare(
              `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE source = ? AND processed_at < ? LIMIT ${pruneRows})`,
            )
            .run(source, before).changes,
        ),
      ),
    );
    this.#counts.pruned += pruned.deleted;
    return pruned;
  }

  async createSchema(): Promise<void> {
    await this.#inTransaction(async () => {
      for (const statement of inboxSchema('sqlite', this.#settings)) this.#connection.exec(statement);
    });
  }

  counters(): InboxCounters {
    const { processed, duplicates, failed, busy, pruned } = this.#counts;
    return { processed, duplicates, failed, busy, pruned, waiting: this.#turns.waiting };
  }

  #insert(tx: Connection, webhookId: string): boolean {
    const { source, table } = this.#settings;
    const { changes } = tx
      .prepare(
        `INSERT INTO ${table} (source, webhook_id, processed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
      )
      .run(source, webhookId, this.#runtime.now());
    return Number(changes) === 1;
  }

  #inTransaction<Result>(run: () => Promise<Result>): Promise<Result> {
    return this.#turns.take('transaction', this.#settings.waitMs, async () => {
      if (isInTransaction(this.#connection))
        throw new InboxUsageError(
          'The connection is in a transaction already: give the inbox a connection of its own, or call record(tx, id) in yours',
        );
      await this.#whenFree('BEGIN IMMEDIATE');
      try {
        const result = await run();
        await this.#whenFree('COMMIT');
        return result;
      } catch (error) {
        // Some errors, a full disk for example, have rolled it back already.
        if (isInTransaction(this.#connection)) this.#connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /**
   * SQLite waits for a lock by blocking the thread (better-sqlite3 for five seconds), and with it the handler of this process that
   * holds the lock.
   */
  #tryOnce(sql: string): void {
    this.#busyTimeoutMs ??= busyTimeoutOf(this.#connection);
    if (this.#busyTimeoutMs === 0) return void this.#connection.exec(sql);
    this.#connection.exec('PRAGMA busy_timeout = 0');
    try {
      this.#connection.exec(sql);
    } finally {
      this.#connection.exec(`PRAGMA busy_timeout = ${this.#busyTimeoutMs}`);
    }
  }

  /** Other processes may hold the lock of the database: waits without blocking this one. */
  async #whenFree(sql: string): Promise<void> {
    for (let waitedMs = 0, pauseMs = 1; ; pauseMs = Math.min(maxPauseMs, pauseMs * 2)) {
      try {
        this.#tryOnce(sql);
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (waitedMs >= this.#settings.waitMs)
          throw new InboxBusyError(`The database was locked for ${this.#settings.waitMs} ms`);
      }
      const nextMs = Math.ceil(pauseMs * (0.5 + this.#runtime.random()));
      await this.#runtime.wait(nextMs);
      waitedMs += nextMs;
    }
  }
}

function busyTimeoutOf(connection: SqliteConnection): number {
  const row = connection.prepare('PRAGMA busy_timeout').get();
  const [value] = Object.values(row ?? {}) as unknown[];
  return Number(value) || 0;
}

function isInTransaction({ isTransaction, inTransaction }: SqliteConnection): boolean {
  return isTransaction ?? inTransaction ?? false;
}

/** `node:sqlite` says it with a number, whose low byte is SQLITE_BUSY (5); better-sqlite3 with a name. */
function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  return (
    (typeof errcode === 'number' && (errcode & 0xff) === 5) ||
    (typeof code === 'string' && code.startsWith('SQLITE_BUSY'))
  );
}
