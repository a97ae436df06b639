import type { Store } from '../store.ts';
import { damageOf, openingError } from './damage.ts';
import { createPrivately, existingDataDirectory, prepareDataDirectory } from './data-directory.ts';
import { Database } from './database.ts';
import { Ground } from './ground.ts';
import { releaseKeyedRequests } from './idempotency.ts';
import { lockDataDirectory } from './lock.ts';
import { checkSchema, migrate } from './schema.ts';
import { type SqliteParts, storeFrom } from './parts.ts';
import { createSqliteParts } from './sqlite-store.ts';
import { walDamage } from './wal-check.ts';

export interface OpenOptions {
  /** Where `posthorn.db` is, or `:memory:`. */
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

/** Opens a data directory's store in this thread: for tests and offline checks. */
export function openHere(options: OpenOptions): Store {
  return storeFrom(openParts(options));
}

/** The same in its parts, for the store's own thread. */
export function openParts(options: OpenOptions): SqliteParts {
  if (options.dataDir === ':memory:') {
    const db = new Database(':memory:');
    migrate(db.raw);
    return createSqliteParts(db);
  }
  return options.readOnly === true ? openToRead(options) : openToWrite(options);
}

/** Does what opening needs; an error of SQLite becomes a sentence with the next step. */
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

function openToRead({ dataDir, damaged }: OpenOptions): SqliteParts {
  const { database } = existingDataDirectory(dataDir);
  requireWholeLog(database);
  return opening(database, () => {
    const db = new Database(database, true, damaged);
    try {
      checkSchema(db.raw);
      return createSqliteParts(db);
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function openToWrite({ dataDir, damaged, maxBytes }: OpenOptions): SqliteParts {
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
      const store = createSqliteParts(db);
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
