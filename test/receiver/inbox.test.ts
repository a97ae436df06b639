import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Inbox,
  InboxBusyError,
  type InboxOptions,
  inboxSchema,
  InboxUsageError,
  postgresInbox,
  sqliteInbox,
} from '../../packages/client/src/receiver/index.ts';
import { type Postgres, startPostgres } from '../postgres.ts';
import { tempDir } from '../support.ts';

// Each webhook has its effect exactly once in the database, whatever happens to the process and beside it.

/** A database with a table of effects, in which every id would be counted twice if it were processed twice. */
interface Bench {
  readonly url: string;
  /** Another inbox on the same database, as another process would have it. */
  inbox(options?: InboxOptions): Inbox<never>;
  /** The work of a handler. */
  effect(tx: never, id: string): Promise<void>;
  query(sql: string): Promise<unknown[]>;
  close(): Promise<void>;
}

const table = 'CREATE TABLE effects (id text NOT NULL)';

/** A connection as better-sqlite3 shows it, which blocks for five seconds where a lock is held. */
class LikeBetterSqlite {
  readonly #database: DatabaseSync;
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5000 });
  }
  exec(sql: string): this {
    this.#database.exec(sql);
    return this;
  }
  prepare(sql: string) {
    return this.#database.prepare(sql);
  }
  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }
  close(): void {
    this.#database.close();
  }
}

function sqliteBench(open: (path: string) => DatabaseSync | LikeBetterSqlite): Bench {
  const path = join(tempDir(), 'inbox.db');
  const connections: { close(): void }[] = [];
  const reader = new DatabaseSync(path);
  reader.exec('PRAGMA journal_mode = WAL');
  reader.exec(table);
  return {
    url: path,
    inbox: (options) => {
      const connection = open(path);
      connections.push(connection);
      return sqliteInbox(connection, options) as Inbox<never>;
    },
    effect: async (tx, id) => {
      await Promise.resolve();
      (tx as DatabaseSync).prepare('INSERT INTO effects VALUES (?)').run(id);
    },
    query: async (sql) => reader.prepare(sql).all(),
    close: async () => {
      for (const connection of [...connections, reader]) connection.close();
    },
  };
}

async function postgresBench(postgres: Postgres, kind: 'pool' | 'client'): Promise<Bench> {
  const url = await postgres.createDatabase();
  const ends: (() => Promise<void>)[] = [];
  const newPool = (): pg.Pool => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    ends.push(() => pool.end());
    return pool;
  };
  const newClient = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    ends.push(() => client.end());
    return client;
  };
  const pool = newPool();
  await pool.query(table);
  const clients = await Promise.all(kind === 'client' ? Array.from({ length: 4 }, newClient) : []);
  return {
    url,
    inbox: (options) =>
      (kind === 'pool'
        ? postgresInbox<pg.PoolClient>({ pool: newPool() }, options)
        : postgresInbox<pg.Client>({ client: clients.pop()! }, options)) as Inbox<never>,
    effect: async (tx, id) => {
      await (tx as pg.PoolClient).query('INSERT INTO effects VALUES ($1)', [id]);
    },
    query: async (sql) => (await pool.query<object>(sql)).rows,
    close: async () => {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
});

const benches: Record<string, () => Promise<Bench>> = {
  'SQLite, node:sqlite': async () => sqliteBench((path) => new DatabaseSync(path)),
  'SQLite, the shape of better-sqlite3': async () => sqliteBench((path) => new LikeBetterSqlite(path)),
  'PostgreSQL, a pool': () => postgresBench(postgres, 'pool'),
  'PostgreSQL, a client': () => postgresBench(postgres, 'client'),
};

const noEffect = new Error('the handler crashed');

describe.each(Object.keys(benches))('inbox on %s', (name) => {
  async function withBench(run: (bench: Bench) => Promise<void>): Promise<void> {
    const bench = await benches[name]!();
    try {
      await bench.inbox().createSchema();
      await run(bench);
    } finally {
      await bench.close();
    }
  }

  test('64 concurrent duplicates through two inboxes: one is processed (G9)', () =>
    withBench(async (bench) => {
      const inboxes = [bench.inbox(), bench.inbox()];
      const outcomes = await Promise.all(
        Array.from({ length: 64 }, async (_, n) => {
          const inbox = inboxes[n % 2]!;
          return (await inbox.process('evt_1', (tx) => bench.effect(tx, 'evt_1'))).outcome;
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'processed')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(63);
      expect(await bench.query('SELECT id FROM effects')).toEqual([{ id: 'evt_1' }]);
      const counters = inboxes.map((inbox) => inbox.counters());
      expect(counters.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(63);
      expect(counters[0]).toMatchObject({ waiting: 0, failed: 0, busy: 0 });
    }));

  test('a handler that crashes leaves nothing; the next attempt processes, a waiting duplicate too', () =>
    withBench(async (bench) => {
      const inbox = bench.inbox();
      let calls = 0;
      const attempt = () =>
        inbox.process('evt_1', async (tx) => {
          await bench.effect(tx, 'evt_1');
          if (++calls <= 3) throw noEffect;
          return calls;
        });
      await expect(attempt()).rejects.toBe(noEffect);
      expect(await bench.query('SELECT id FROM effects')).toEqual([]);
      const results = await Promise.allSettled([attempt(), attempt(), attempt(), attempt()]);
      expect(results.map((result) => (result.status === 'rejected' ? 'crashed' : result.value))).toEqual([
        'crashed',
        'crashed',
        { outcome: 'processed', result: 4 },
        { outcome: 'duplicate' },
      ]);
      expect(await bench.query('SELECT id FROM effects')).toEqual([{ id: 'evt_1' }]);
      expect(inbox.counters()).toMatchObject({ processed: 1, duplicates: 1, failed: 3 });
    }));

  test('who waits too long is busy, here and in another process, and nothing ran', () =>
    withBench(async (bench) => {
      const [first, second] = [bench.inbox({ waitMs: 50 }), bench.inbox({ waitMs: 50 })];
      const gate = Promise.withResolvers<void>();
      const started = Promise.withResolvers<void>();
      const slow = first.process('evt_1', async (tx) => {
        started.resolve();
        await gate.promise;
        await bench.effect(tx, 'evt_1');
      });
      await started.promise;
      for (const inbox of [first, second])
        await expect(inbox.process('evt_1', () => expect.unreachable())).rejects.toThrow(InboxBusyError);
      gate.resolve();
      expect(await slow).toMatchObject({ outcome: 'processed' });
      expect(await second.process('evt_1', () => expect.unreachable())).toEqual({ outcome: 'duplicate' });
      expect(second.counters()).toMatchObject({ busy: 1, duplicates: 1 });
    }));

  test('senders do not share ids', () =>
    withBench(async (bench) => {
      for (const source of ['one', 'two'])
        expect(
          await bench.inbox({ source }).process('evt_1', (tx) => bench.effect(tx, source)),
        ).toMatchObject({
          outcome: 'processed',
        });
    }));

  test('old records are pruned in steps, of its own source only', () =>
    withBench(async (bench) => {
      const inbox = bench.inbox({ source: 'a', retentionS: 3600 });
      const old = bench.url.startsWith('postgres') ? "now() - interval '2 hours'" : '1';
      const ids = Array.from(
        { length: 2500 },
        (_, n) => `('a', 'evt_${n}', ${old}), ('b', 'evt_${n}', ${old})`,
      );
      await bench.query(`INSERT INTO posthorn_inbox (source, webhook_id, processed_at) VALUES ${ids.join()}`);
      await inbox.process('fresh', () => {});
      expect(await inbox.prune()).toEqual({ deleted: 2500, hasMore: false });
      expect(inbox.counters()).toMatchObject({ pruned: 2500 });
      const left = await bench.query('SELECT source, webhook_id FROM posthorn_inbox');
      expect(left).toHaveLength(2501);
      expect(await inbox.process('fresh', () => expect.unreachable())).toEqual({ outcome: 'duplicate' });
    }));

  test('SIGKILL in the middle, again and again: each has its effect once (G9)', () =>
    withBench(async (bench) => {
      const ids = Array.from({ length: 300 }, (_, n) => `evt_${n}`);
      const finished = new Set<string>();
      let kills = 0;
      while (finished.size < ids.length) {
        // Each process is killed after some more; a sender sends again all that were not answered, each twice.
        const killAfter = kills < 5 ? 20 + kills * 7 : Number.POSITIVE_INFINITY;
        if (await runAndKill(bench.url, ids, finished, killAfter)) kills++;
      }
      expect(kills).toBe(5);
      expect(
        await bench.query('SELECT id, count(*) AS n FROM effects GROUP BY id HAVING count(*) <> 1'),
      ).toEqual([]);
      expect(await bench.query('SELECT DISTINCT id FROM effects')).toHaveLength(ids.length);
    }));

  test('the schema may be created by many at once; what it cannot do it refuses', () =>
    withBench(async (bench) => {
      const inboxes = [bench.inbox({ table: 'hooks' }), bench.inbox({ table: 'hooks' })];
      await Promise.all(inboxes.map((inbox) => inbox.createSchema()));
      expect(await inboxes[0]!.process('evt_1', () => 7)).toEqual({ outcome: 'processed', result: 7 });
      for (const id of ['', 'a\0', 'x'.repeat(2001), undefined as unknown as string])
        await expect(inboxes[0]!.process(id, () => {})).rejects.toThrow(InboxUsageError);
      expect(() => inboxSchema('sqlite', { table: 'x; DROP TABLE y' })).toThrow(InboxUsageError);
    }));
});

/** Starts a process, sends it what is not finished, and kills it after so many answers; whether it was killed. */
async function runAndKill(
  url: string,
  ids: readonly string[],
  finished: Set<string>,
  killAfter: number,
): Promise<boolean> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'inbox-child.ts'), url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  let answers = 0;
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line === 'ready') {
      const open = ids.filter((id) => !finished.has(id));
      child.stdin!.write([...open, ...open].map((id) => `${id}\n`).join(''));
      continue;
    }
    const [id, outcome, ...reason] = line.split(' ');
    if (outcome === 'failed') throw new Error(reason.join(' '));
    finished.add(id!);
    if (++answers >= killAfter || finished.size === ids.length) break;
  }
  child.kill('SIGKILL');
  await exited;
  return answers >= killAfter;
}

describe('the transaction is the caller’s', () => {
  test('SQLite: how long the connection waits for locks is as it was', async () => {
    const database = new DatabaseSync(':memory:', { timeout: 1234 });
    const inbox = sqliteInbox(database);
    await inbox.createSchema();
    const timeout = () => database.prepare('PRAGMA busy_timeout').get();
    await inbox.process('evt_1', () => expect(timeout()).toEqual({ timeout: 1234 }));
    expect(timeout()).toEqual({ timeout: 1234 });
    database.close();
  });

  test('PostgreSQL: a handler that continues after a failed statement does not succeed', async () => {
    const bench = await postgresBench(postgres, 'pool');
    const inbox = bench.inbox();
    await inbox.createSchema();
    const ignoring = async (tx: never): Promise<void> => {
      await bench.effect(tx, 'evt_1');
      await (tx as pg.PoolClient).query('SELECT * FROM nothing').catch(() => {});
    };
    await expect(inbox.process('evt_1', ignoring)).rejects.toThrow(/rolled back/);
    expect(await inbox.process('evt_1', (tx) => bench.effect(tx, 'evt_1'))).toMatchObject({
      outcome: 'processed',
    });
    expect(await bench.query('SELECT id FROM effects')).toEqual([{ id: 'evt_1' }]);
    await bench.close();
  });

  test('PostgreSQL: a backend that dies in the middle leaves nothing, and the process lives on', async () => {
    const bench = await postgresBench(postgres, 'pool');
    const inbox = bench.inbox();
    await inbox.createSchema();
    const dying = async (tx: never): Promise<void> => {
      await bench.effect(tx, 'evt_1');
      await (tx as pg.PoolClient).query('SELECT pg_terminate_backend(pg_backend_pid())');
    };
    await expect(inbox.process('evt_1', dying)).rejects.toThrow(/terminat/);
    expect(await inbox.process('evt_1', (tx) => bench.effect(tx, 'evt_1'))).toMatchObject({
      outcome: 'processed',
    });
    await bench.close();
  });

  test('record joins a transaction that is open already; process refuses one', async () => {
    const database = new DatabaseSync(':memory:');
    const inbox = sqliteInbox(database);
    await inbox.createSchema();
    database.exec('BEGIN');
    expect(await inbox.record(database, 'evt_1')).toBe(true);
    expect(await inbox.record(database, 'evt_1')).toBe(false);
    await expect(inbox.process('evt_2', () => {})).rejects.toThrow(InboxUsageError);
    database.exec('ROLLBACK');
    expect(await inbox.process('evt_1', () => {})).toMatchObject({ outcome: 'processed' });
    database.close();

    const bench = await postgresBench(postgres, 'client');
    const client = new pg.Client({ connectionString: bench.url });
    await client.connect();
    const other = postgresInbox<pg.Client>({ client });
    await other.createSchema();
    await client.query('BEGIN');
    expect(await other.record(client, 'evt_1')).toBe(true);
    await client.query('ROLLBACK');
    expect(await other.process('evt_1', () => {})).toMatchObject({ outcome: 'processed' });
    await client.end();
    await bench.close();
  });
});
