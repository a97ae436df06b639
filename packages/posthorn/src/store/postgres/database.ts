import pg from 'pg';
import { StoreFaultError, UnavailableError } from '../../domain/errors.ts';
import { clientOfPrimary, serverUrls } from './servers.ts';
import { type Shards, spanningShards } from './shards.ts';

export type Row = (string | number | boolean | null)[];
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly (string | number | bigint | boolean | null)[];

/** What statements run on: the pool, one connection within a transaction, or a caller's own client. */
export interface Connection {
  /** Whether a statement of the delivery path may span shards. */
  readonly shards: Shards;
  /** Then its statements run one after the other. */
  readonly isTransaction: boolean;
  /** Seals the audit log; null: it is not sealed. */
  readonly auditKey: Uint8Array | null;
  /** Rows as arrays, in column order. A named statement is prepared once on each connection. */
  query(name: string, text: string, values?: readonly Value[]): Promise<Row[]>;
  /** The same for a change whose rows do not matter: returns how many it changed. */
  execute(name: string, text: string, values?: readonly Value[]): Promise<number>;
}

// SQLSTATE classes after which nothing was written, or after which writing again is harmless (each statement is
// idempotent under its fence or its guard): connection (08), transaction rollback (40: deadlock, serialisation),
// resources and full disk (53), object in use (55: lock timeout), operator (57: shutdown, cancelled), system (58),
// and a server that became read-only (25006).
const passing = /^(08|40|53|55|57|58)|^25006$/;
const sqlState = /^[0-9A-Z]{5}$/;
const lost =
  /^(Connection terminated|timeout exceeded|Client has encountered|Client was closed|Query read timeout|Cannot use a pool)/;

export function uniqueViolation(error: unknown): boolean {
  return (error as { code?: string }).code === '23505';
}

interface ServerError {
  readonly code?: unknown;
  readonly message?: string;
}

/** Whether Citus (13.0) says this as an internal error, for which it has no code of its own. */
const isInternal = ({ code, message }: ServerError, said: RegExp): boolean =>
  code === 'XX000' && said.test(message ?? '');

/** Serialization failure and deadlock: the server has rolled back for certain, and the same again finds the way free. */
const rolledBack = new Set(['40001', '40P01']);
/**
 * A call was sent to the worker that had the shard, and the shard had moved when it came there. Nothing was done, and the next call
 * goes to where the shard is now. Seen while a worker joined.
 */
const shardMoved = /^cannot execute a distributed query from a query on a shard/;
const maxTries = 4;

const isFreeAgain = (error: ServerError): boolean =>
  rolledBack.has(error.code as string) || isInternal(error, shardMoved);

/** What was undone and will find the way free is not a fault that a caller should hear of: it is tried again. */
async function untilFree<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await work();
    } catch (error) {
      const cause = error instanceof UnavailableError ? ((error.cause as ServerError | undefined) ?? {}) : {};
      if (tries === maxTries || !isFreeAgain(cause)) throw error;
    }
}

/** Data or index corrupted: the server itself has found a page that is not what was written. */
const damaged = /^XX00[12]$/;
/** No such table, no such schema: what this process was started on has been taken away. */
const lacking = /^(42P01|3F000)$/;

/** A server of the cluster was lost in the middle of a statement. */
const serverLost =
  /^(server closed the connection|connection not open|no connection to the server|could not (receive|send) data|failure on connection marked as essential|postmaster was shut down|failed to read result .* from node)/;

function translated(error: unknown): unknown {
  const failure = error as ServerError;
  const { code, message } = failure;
  if (typeof code === 'string' && damaged.test(code))
    return new StoreFaultError(
      'damaged',
      `the database is damaged (${message}): nothing is accepted where it cannot be read; keep a copy of the server's files and restore a backup`,
      { cause: error },
    );
  if (typeof code === 'string' && lacking.test(code))
    return new StoreFaultError(
      'missing',
      `a part of the schema posthorn is missing (${message}): someone has changed or dropped it; restore a backup and start Posthorn again`,
      { cause: error },
    );
  const away =
    typeof code === 'string' && sqlState.test(code) && code !== 'EPIPE'
      ? passing.test(code) || isInternal(failure, serverLost) || isInternal(failure, shardMoved)
      : typeof code === 'string' || lost.test(message ?? '');
  return away ? new UnavailableError(`the database cannot work now: ${message}`, { cause: error }) : error;
}

// Counts, times and numbers stay below 2^53; amounts are asked for as text.
const types = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === 20 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

async function resultOn(
  client: pg.Pool | pg.ClientBase,
  name: string,
  text: string,
  values: readonly Value[],
): Promise<pg.QueryArrayResult<Row>> {
  try {
    // Parameters are values only: no text of a caller ever becomes part of a statement.
    return await client.query<Row>({
      name,
      text,
      values: values as unknown[],
      rowMode: 'array',
      // With each query, not with the pool: the pool may be the application's own.
      types,
    } as pg.QueryArrayConfig);
  } catch (error) {
    throw translated(error);
  }
}

/** A statement on this client; `retry` wraps each, for one that is a transaction of its own. */
function statementsOn(
  client: pg.Pool | pg.ClientBase,
  retry: <T>(work: () => Promise<T>) => Promise<T>,
): Pick<Connection, 'query' | 'execute'> {
  return {
    query: async (name, text, values = []) => (await retry(() => resultOn(client, name, text, values))).rows,
    execute: async (name, text, values = []) =>
      (await retry(() => resultOn(client, name, text, values))).rowCount ?? 0,
  };
}

/**
 * A connection of the pool, whose events of errors are listened to: one that breaks between two statements says so by an event, to which
 * nothing else listens. By a callback and not by a promise: a server that dies with its first answer says both in one packet,
 * and the error would come before the promise.
 */
function taken(pool: pg.Pool, onError: (error: Error) => void): Promise<pg.PoolClient> {
  return new Promise((resolve, reject) =>
    pool.connect((error, client) => {
      if (client === undefined) return reject(translated(error) as Error);
      client.on('error', onError);
      resolve(client);
    }),
  );
}

const once = <T>(work: () => Promise<T>): Promise<T> => work();

/**
 * For the delivery path, whose statements touch a few hundred rows by key: without statistics, or with those of a
 * minute ago, the planner takes a growing table for a small one and reads it whole. And it plans once: planning a
 * settle anew took 9 ms, as long as running it.
 */
const byKeyOnly = '-c enable_seqscan=off -c enable_mergejoin=off -c jit=off';
const plans = {
  spanning: '-c plan_cache_mode=force_generic_plan',
  // On distributed tables each plan is for one shard, which only the values name: a plan for any values is refused. The few statements
  // over all shards are short: one connection to each worker runs them in an eighth of the time that sixteen take.
  single: '-c citus.max_adaptive_executor_pool_size=1',
};
const hotConnections = 4;

/** Pools of connections, and transactions that end in commit or in nothing. */
export class Database implements Connection {
  /** For the statements of the delivery path. On an application's own pool it is that pool. */
  readonly hot: Connection;
  readonly #pool: pg.Pool;
  readonly #statements: Pick<Connection, 'query' | 'execute'>;
  readonly #owned: pg.Pool[];
  readonly #client: new (config?: pg.ClientConfig) => pg.Client;
  /** How many servers the database URL names. */
  readonly servers: number;
  /** Set before the first statement of the delivery path, whose connections depend on it. */
  shards: Shards = spanningShards;
  readonly isTransaction = false;
  auditKey: Uint8Array | null = null;

  private constructor(
    pool: pg.Pool,
    owned: readonly pg.Pool[],
    openHot: ((shards: Shards) => pg.Pool) | null,
    {
      Client,
      servers,
    }: { readonly Client: new (config?: pg.ClientConfig) => pg.Client; readonly servers: number },
  ) {
    this.#client = Client;
    this.servers = servers;
    this.#pool = pool;
    this.#statements = statementsOn(pool, untilFree);
    this.#owned = [...owned];
    let statements = openHot === null ? this.#statements : null;
    const hotStatements = (): Pick<Connection, 'query' | 'execute'> => {
      if (statements !== null) return statements;
      const hot = openHot!(this.shards);
      this.#owned.push(hot);
      return (statements = statementsOn(hot, untilFree));
    };
    const asHere = (): Database => this;
    this.hot = {
      get shards() {
        return asHere().shards;
      },
      isTransaction: false,
      get auditKey() {
        return asHere().auditKey;
      },
      query: (...call) => hotStatements().query(...call),
      execute: (...call) => hotStatements().execute(...call),
    };
  }

  static connect(url: string, connections: number): Database {
    const urls = serverUrls(url);
    const Client = urls.length > 1 ? clientOfPrimary(urls) : pg.Client;
    const open = (max: number, options: string): pg.Pool => {
      const pool = new pg.Pool({
        connectionString: urls[0]!,
        Client,
        max,
        options,
        connectionTimeoutMillis: 5000,
        idleTimeoutMillis: 60_000,
        // A server that is frozen or behind a dead network must not hold a caller for ever.
        query_timeout: 30_000,
        statement_timeout: 25_000,
        keepAlive: true,
        application_name: 'posthorn',
      });
      // An idle connection that breaks is replaced when one is needed; without a listener it would end the process.
      pool.on('error', () => {});
      return pool;
    };
    const pool = open(connections, '');
    return new Database(
      pool,
      [pool],
      (shards) => open(hotConnections, `${byKeyOnly} ${shards.choose(plans)}`),
      { Client, servers: urls.length },
    );
  }

  /** On the application's own pool: closing leaves it open. */
  static on(pool: pg.Pool): Database {
    return new Database(pool, [], null, { Client: pg.Client, servers: 1 });
  }

  query(name: string, text: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#statements.query(name, text, values);
  }

  execute(name: string, text: string, values: readonly Value[] = []): Promise<number> {
    return this.#statements.execute(name, text, values);
  }

  /** Everything in `work` commits together, or nothing does (G4). After a deadlock it runs once more, from its beginning. */
  async transaction<T>(work: (connection: Connection) => Promise<T>, mode = ''): Promise<T> {
    return await untilFree(() => this.#transaction(work, mode));
  }

  async #transaction<T>(work: (connection: Connection) => Promise<T>, mode: string): Promise<T> {
    let broken: Error | undefined;
    const onError = (error: Error): void => {
      broken = error;
    };
    const client = await taken(this.#pool, onError);
    try {
      await resultOn(client, '', `BEGIN ${mode}`, []);
      const answer = await work({
        shards: this.shards,
        isTransaction: true,
        auditKey: this.auditKey,
        ...statementsOn(client, once),
      });
      await resultOn(client, '', 'COMMIT', []);
      return answer;
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      client.removeListener('error', onError);
      client.release(broken);
    }
  }

  /** Several reads of one state of the database. */
  snapshot<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.transaction(work, 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
  }

  /** A connection of its own outside of the pool, for LISTEN. */
  async dedicated(): Promise<pg.Client> {
    const { connectionString, ssl } = this.#pool.options;
    const client = new this.#client({
      ...(connectionString === undefined ? this.#pool.options : { connectionString }),
      ...(ssl === undefined ? {} : { ssl }),
      connectionTimeoutMillis: 5000,
      keepAlive: true,
    });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#owned.map((pool) => pool.end()));
  }
}
