import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../store.ts';
import { Database } from './database.ts';
import { lockDataDirectory } from './lock.ts';
import { migrate } from './schema.ts';
import { createSqliteStore } from './sqlite-store.ts';

export interface OpenOptions {
  /** Where `posthorn.db` stands, or `:memory:`. */
  readonly dataDir: string;
  /** In a thread of its own, so that waiting for the disk never holds up sending. */
  readonly thread?: boolean;
  /** Reads beside a running process, takes no lock and changes nothing. */
  readonly readOnly?: boolean;
  /** The database refuses to grow beyond this many bytes, as if the disk were full. */
  readonly maxBytes?: number;
}

/** A data directory's store in this thread: for tests, offline checks, and inside the store's own thread. */
export function openHere(options: OpenOptions): Store {
  const { dataDir, readOnly = false, maxBytes } = options;
  if (dataDir === ':memory:') {
    const db = new Database(':memory:');
    migrate(db.raw);
    return createSqliteStore(db);
  }
  if (readOnly) return createSqliteStore(new Database(join(dataDir, 'posthorn.db'), true));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockDataDirectory(dataDir);
  try {
    const db = new Database(join(dataDir, 'posthorn.db'));
    migrate(db.raw);
    if (maxBytes !== undefined) {
      const { page_size: size } = db.raw.prepare('PRAGMA page_size').get() as { page_size: number };
      db.raw.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / size)}`);
    }
    const store = createSqliteStore(db);
    return {
      ...store,
      close: async () => {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
