import type pg from 'pg';
import type { Store } from '../store.ts';
import { acceptTransitions } from './accept-sql.ts';
import { createTransitions, distribute, isDistributed } from './citus.ts';
import { Database } from './database.ts';
import { EndpointTable } from './endpoints.ts';
import { fanOutTransition } from './fan-out.ts';
import { listen, type NodeSession } from './hints.ts';
import { failoverRisk, openingError, requireReadableUrl, requireServer, requireSessions } from './opening.ts';
import type { PostgresPool } from './pool.ts';
import { createPostgresStore } from './postgres-store.ts';
import { checkMigrated, migrate } from './schema.ts';
import { settleTransitions } from './settle.ts';
import { type Shards, singleShards, spanningShards } from './shards.ts';

const defaultConnections = 10;

/** The functions of the delivery path on distributed tables. */
export const transitions = [
  ...Object.values(acceptTransitions),
  ...Object.values(settleTransitions),
  fanOutTransition,
];

interface OpenOptions {
  readonly connections?: number;
  /** Nothing is migrated: a database without the schema, or with another version of it, is refused. */
  readonly readOnly?: boolean;
  /** Absent: as the tables are. */
  readonly shards?: Shards;
}

export interface OpenedPostgres {
  readonly store: Store;
  /** What a failover of this database would lose, as a sentence with the next step; absent: nothing. */
  readonly failoverRisk?: string;
  readonly hints: NodeSession;
}

/**
 * Opens and migrates the schema `posthorn` of a database, by its URL or on an application's own pool. Rejects with
 * `UnavailableError` where it cannot be reached, and with `StoreOpenError` where it cannot be used as it is.
 */
export async function openPostgresStore(
  database: string | PostgresPool,
  options: OpenOptions = {},
): Promise<OpenedPostgres> {
  const url = typeof database === 'string' ? database : null;
  if (url !== null) requireReadableUrl(url);
  const db =
    typeof database === 'string'
      ? Database.connect(database, options.connections ?? defaultConnections)
      : Database.on(database as pg.Pool);
  const writes = options.readOnly !== true;
  let risk: string | null = null;
  try {
    await requireServer(db, { writes });
    const distributed = await isDistributed(db);
    db.shards = options.shards ?? (distributed ? singleShards : spanningShards);
    // An application's own pool is the application's to choose.
    if (writes && url !== null) await requireSessions(db);
    await (writes ? migrate(db) : checkMigrated(db));
    if (writes) risk = await failoverRisk(db);
    if (writes && db.shards === singleShards) await createTransitions(db, transitions, distributed);
  } catch (error) {
    await db.close();
    throw openingError(error, url ?? '');
  }
  const endpoints = new EndpointTable(db);
  const hints = listen(db);
  hints.onConfig(() => endpoints.forget());
  const store = createPostgresStore(db, endpoints);
  return {
    hints,
    ...(risk === null ? {} : { failoverRisk: risk }),
    store: {
      ...store,
      close: async () => {
        await hints.stop();
        await store.close();
      },
    },
  };
}

/** Migrates a database, and with `citus` distributes its tables; answers the names of those that it has distributed. */
export async function migrateDatabase(
  url: string,
  { citus }: { readonly citus: boolean },
): Promise<string[]> {
  requireReadableUrl(url);
  const db = Database.connect(url, 1);
  const prepare = async (): Promise<void> => {
    await requireServer(db, { writes: true });
    await migrate(db);
  };
  try {
    await prepare().catch((error: unknown) => {
      throw openingError(error, url);
    });
    // What it refuses does not concern opening: it fails with its own sentence.
    const distributed = citus ? await distribute(db) : [];
    if (await isDistributed(db)) await createTransitions(db, transitions, true);
    return distributed;
  } finally {
    await db.close();
  }
}
