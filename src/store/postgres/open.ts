import type pg from 'pg';
import type { Hints, Store } from '../store.ts';
import { Database } from './database.ts';
import { EndpointTable } from './endpoints.ts';
import { listen } from './hints.ts';
import { createPostgresStore } from './postgres-store.ts';
import { checkMigrated, migrate } from './schema.ts';

const defaultConnections = 10;

export interface OpenedPostgres {
  readonly store: Store;
  readonly hints: Hints;
}

/**
 * Opens and migrates the schema `posthorn` of a database, by its URL or on an application's own pool. Rejects with
 * `UnavailableError` where it cannot be reached, and where a newer Posthorn has migrated it. With `readOnly` nothing
 * is migrated: a database without the schema is refused.
 */
export async function openPostgresStore(
  database: string | pg.Pool,
  options: { readonly connections?: number; readonly readOnly?: boolean } = {},
): Promise<OpenedPostgres> {
  const db =
    typeof database === 'string'
      ? Database.connect(database, options.connections ?? defaultConnections)
      : Database.on(database);
  try {
    await (options.readOnly === true ? checkMigrated(db) : migrate(db));
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
