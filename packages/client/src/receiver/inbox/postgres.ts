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

/** A client of `pg`, or what looks like one. */
export interface PostgresClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{
    readonly rows: readonly unknown[];
    readonly rowCount: number | null;
    readonly command?: string;
  }>;
}

/** A pool of `pg`, or what looks like one. */
export interface PostgresPool<Client extends PostgresClient> {
  connect(): Promise<Client & { release(destroy?: boolean): void }>;
}

/** One client has one transaction at a time; a pool as many as it has clients. */
export type PostgresDatabase<Client extends PostgresClient> =
  | { readonly pool: PostgresPool<Client>; readonly client?: undefined }
  | { readonly client: Client; readonly pool?: undefined };

type InboxRuntime = Pick<ClientRuntime, 'wait'>;

const turnsOfClient = new WeakMap<PostgresClient, Turns<string>>();
const lockNotAvailable = '55P03';

/**
 * Returns an inbox in a PostgreSQL database. A concurrent duplicate in this process waits without a connection; one in another process
 * waits in the database for the transaction of the first.
 */
export function postgresInbox<Client extends PostgresClient = PostgresClient>(
  database: PostgresDatabase<Client>,
  options: InboxOptions = {},
  runtime: InboxRuntime = systemRuntime,
): Inbox<Client> {
  return new PostgresInbox(database, settingsFrom(options), runtime);
}

class PostgresInbox<Client extends PostgresClient> implements Inbox<Client> {
  readonly #database: PostgresDatabase<Client>;
  readonly #settings: InboxSettings;
  readonly #turns: Turns<string>;
  readonly #counts = new Counts();

  constructor(database: PostgresDatabase<Client>, settings: InboxSettings, runtime: InboxRuntime) {
    this.#database = database;
    this.#settings = settings;
    const { client } = database;
    this.#turns = (client && turnsOfClient.get(client)) ?? new Turns(runtime);
    if (client !== undefined) turnsOfClient.set(client, this.#turns);
  }

  process<Result>(
    webhookId: string,
    handle: (tx: Client) => Result | Promise<Result>,
  ): Promise<Processed<Result>> {
    return this.#counts.track(() =>
      this.#inTransaction(checkId('webhook id', webhookId), async (client) => {
        if (!(await this.#claim(client, webhookId))) return { outcome: 'duplicate' };
        return { outcome: 'processed', result: await handle(client) };
      }),
    );
  }

  async record(tx: Client, webhookId: string): Promise<boolean> {
    const { source, table } = this.#settings;
    const { rowCount } = await tx.query(
      `INSERT INTO ${table} (source, webhook_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      [source, checkId('webhook id', webhookId)],
    );
    return rowCount === 1;
  }

  async prune(): Promise<Pruned> {
    const { source, table, retentionS } = this.#settings;
    const pruned = await pruneInSteps(() =>
      this.#inTransaction('', async (client) => {
        const { rowCount } = await client.query(
          `DELETE FROM ${table} WHERE source = $1 AND webhook_id IN (SELECT webhook_id FROM ${table} WHERE source = $1 AND processed_at < now() - make_interval(secs => $2) LIMIT ${pruneRows} FOR UPDATE SKIP LOCKED)`,
          [source, retentionS],
        );
        return rowCount ?? 0;
      }),
    );
    this.#counts.pruned += pruned.deleted;
    return pruned;
  }

  async createSchema(): Promise<void> {
    await this.#inTransaction('', async (client) => {
      // CREATE … IF NOT EXISTS fails if two run it at once.
      await client.query("SELECT pg_advisory_xact_lock(hashtext('posthorn inbox schema'))");
      for (const statement of inboxSchema('postgres', this.#settings)) await client.query(statement);
    });
  }

  counters(): InboxCounters {
    const { processed, duplicates, failed, busy, pruned } = this.#counts;
    return { processed, duplicates, failed, busy, pruned, waiting: this.#turns.waiting };
  }

  /** Records the id; waits for another transaction that has done so, for `waitMs` at most. */
  async #claim(client: Client, webhookId: string): Promise<boolean> {
    const { rows } = await client.query(
      "SELECT current_setting('lock_timeout') AS former, set_config('lock_timeout', $1, true)",
      [`${this.#settings.waitMs}ms`],
    );
    const isFirst = await this.record(client, webhookId).catch((error: unknown) => {
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === lockNotAvailable)
        throw new InboxBusyError(`Another attempt has not ended within ${this.#settings.waitMs} ms`);
      throw error;
    });
    const { former } = rows[0] as { readonly former: string };
    await client.query("SELECT set_config('lock_timeout', $1, true)", [former]);
    return isFirst;
  }

  async #inTransaction<Result>(id: string, run: (client: Client) => Promise<Result>): Promise<Result> {
    const database = this.#database;
    const { waitMs } = this.#settings;
    if (database.pool === undefined) {
      const { client } = database;
      return await this.#turns.take('', waitMs, () => inTransaction(client, () => run(client)));
    }
    const { pool } = database;
    return await this.#turns.take(id, waitMs, async () => {
      const client = await pool.connect();
      const stop = ignoreErrorEvents(client);
      let isClean = false;
      try {
        const result = await inTransaction(
          client,
          () => run(client),
          () => (isClean = true),
        );
        isClean = true;
        return result;
      } finally {
        stop();
        // A connection whose state is not known must not serve anyone else.
        client.release(!isClean);
      }
    });
  }
}

async function inTransaction<Result>(
  client: PostgresClient,
  run: () => Promise<Result>,
  onRolledBack: () => void = () => {},
): Promise<Result> {
  if (clientStatus(client) === 'T' || clientStatus(client) === 'E')
    throw new InboxUsageError(
      'The client is in a transaction already: give the inbox a pool, or call record(tx, id) in your transaction',
    );
  await client.query('BEGIN');
  try {
    const result = await run();
    if (clientStatus(client) === 'I')
      throw new InboxUsageError('The handler ended the transaction of the inbox');
    // PostgreSQL answers ROLLBACK to the COMMIT of a transaction in which a statement failed: nothing of it was kept.
    const { command } = await client.query('COMMIT');
    if (command === 'ROLLBACK')
      throw new Error('The transaction was rolled back: the handler went on after a statement had failed');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(onRolledBack, () => {});
    throw error;
  }
}

/** I: none, T: in a transaction, E: in a failed one; undefined where the client does not say it. */
function clientStatus(client: PostgresClient): unknown {
  return 'getTransactionStatus' in client && typeof client.getTransactionStatus === 'function'
    ? (client.getTransactionStatus() as unknown)
    : undefined;
}

/** A connection that breaks between two statements emits an event that would end the process; the next statement fails anyway. */
function ignoreErrorEvents(client: object): () => void {
  if (!('on' in client) || !('off' in client)) return () => {};
  const { on, off } = client as Record<'on' | 'off', (event: string, listener: () => void) => void>;
  const listener = (): void => {};
  on.call(client, 'error', listener);
  return () => off.call(client, 'error', listener);
}
