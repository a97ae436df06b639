import type { Store } from '../store.ts';
import { damageOf, openingError } from './damage.ts';
import { createPrivately, existingDataDirectory, prepareDataDirectory } from './data-directory.ts';
import { Database } from './database.ts';
import { Ground } from './ground.ts';
import { releaseKeyedRequests } from './idempotency.ts';
import { lockDataDirectory } from './lock.ts';
import { checkSchema, migrate } from './schema.ts';
import { createSqliteStore } from './sqlite-store.ts';
import { walDamage } from './wal-check.ts';

export interface OpenOptions {
  /** Where `posthorn.db` stands, or `:memory:`. */
  readonly dataDir: string;
  /** In a thread of its own, so that waiting for the disk never holds up sending. */
  readonly thread?: boolean;
  /** Reads beside a running process, takes no lock and changes nothing. */
  readonly readOnly?: boolean;
  /** The database refuses to grow beyond this many bytes, as if the disk were full. */
  readonly maxBytes?: number;
  /** Shared by the connections of one process: what one finds damaged, none writes. */
  readonly damaged?: SharedArrayBuffer;
}

/** A data directory's store in this thread: for tests, offline checks, and inside the store's own thread. */
export function openHere(options: OpenOptions): Store {
  if (options.dataDir === ':memory:') {
    const db = new Database(':memory:');
    migrate(db.raw);
    return createSqliteStore(db);
  }
  return options.readOnly === true ? openToRead(options) : openToWrite(options);
}

/** Does what opening needs; what SQLite says against it becomes a sentence with the next step. */
function opening<T>(database: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw openingError(error, database);
  }
}

function requireWholeLog(database: string): void {
  const found = walDamage(`${database}-wal`);
  if (found !== null) throw damageOf(`${database}-wal`, found);
}

function openToRead({ dataDir, damaged }: OpenOptions): Store {
  const { database } = existingDataDirectory(dataDir);
  requireWholeLog(database);
  return opening(database, () => {
    const db = new Database(database, true, damaged);
    try {
      checkSchema(db.raw);
      return createSqliteStore(db);
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function openToWrite({ dataDir, damaged, maxBytes }: OpenOptions): Store {
  const directory = prepareDataDirectory(dataDir);
  const { database } = directory;
  const lock = lockDataDirectory(directory);
  let db: Database | null = null;
  try {
    requireWholeLog(database);
    const store = opening(database, () => {
      createPrivately(database);
      db = new Database(database, false, damaged);
      migrate(db.raw);
      releaseKeyedRequests(db);
      if (maxBytes !== undefined) {
        const { page_size: size } = db.raw.prepare('PRAGMA page_size').get() as { page_size: number };
        db.raw.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / size)}`);
      }
      const store = createSqliteStore(db);
      db.standOn(new Ground(directory.grounds));
      return store;
    });
    lock.remember();
    return {
      ...store,
      close: async () => {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    (db as Database | null)?.close();
    lock.release();
    throw error;
  }
}
