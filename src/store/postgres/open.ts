import type pg from 'pg';
import type { Hints, Store } from '../store.ts';
import { distribute, isDistributed } from './citus.ts';
import { Database } from './database.ts';
import { EndpointTable } from './endpoints.ts';
import { listen } from './hints.ts';
import { createPostgresStore } from './postgres-store.ts';
import { checkMigrated, migrate } from './schema.ts';

const defaultConnections = 10;

interface OpenOptions {
  readonly connections?: number;
  /** Nothing is migrated: a database without the schema, or with another version of it, is refused. */
  readonly readOnly?: boolean;
  /** Each statement of the delivery path names exactly one shard, whether the tables are distributed or not. */
  readonly oneShard?: boolean;
}

export interface OpenedPostgres {
  readonly store: Store;
  readonly hints: Hints;
}

/**
 * Opens and migrates the schema `posthorn` of a database, by its URL or on an application's own pool. Rejects with
 * `UnavailableError` where it cannot be reached, and where a newer Posthorn has migrated it.
 */
export async function openPostgresStore(
  database: string | pg.Pool,
  options: OpenOptions = {},
): Promise<OpenedPostgres> {
  const db =
    typeof database === 'string'
      ? Database.connect(database, options.connections ?? defaultConnections)
      : Database.on(database);
  try {
    if (options.readOnly === true) await checkMigrated(db);
    else {
      await requireDurableCommits(db);
      await migrate(db);
    }
    db.oneShard = options.oneShard === true || (await isDistributed(db));
  } catch (error) {
    await db.close();
    throw error;
  }
  const endpoints = new EndpointTable(db);
  const hints = listen(db);
  hints.onConfig(() => endpoints.forget());
  const store = createPostgresStore(db, endpoints);
  return {
    hints,
    store: {
      ...store,
      close: async () => {
        await hints.stop();
        await store.close();
      },
    },
  };
}

/** G1: a commit that is answered before it is on disk is lost with the server, and the 202 was a lie. */
async function requireDurableCommits(db: Database): Promise<void> {
  const [[setting] = []] = await db.query('', 'SHOW synchronous_commit');
  if (setting === 'off')
    throw new Error(
      'synchronous_commit is off for this role or database, so what is acknowledged could be lost: ALTER ROLE … SET synchronous_commit = on',
    );
}

/** Migrates a database, and with `citus` distributes its tables; answers the names of those that it has distributed. */
export async function migrateDatabase(
  url: string,
  { citus }: { readonly citus: boolean },
): Promise<string[]> {
  const db = Database.connect(url, 1);
  try {
    await migrate(db);
    return citus ? await distribute(db) : [];
  } finally {
    await db.close();
  }
}
