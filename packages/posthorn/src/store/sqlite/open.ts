import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import { type SqliteParts, storeFrom } from './parts.ts';
import { openInThread } from './thread.ts';

/** Opens a data directory, creating and migrating it as needed. Rejects with `DataDirectoryLockedError`. */
export async function openSqliteStore(options: OpenOptions): Promise<Store> {
  if (options.thread !== true) return openHere(options);
  const damaged = new SharedArrayBuffer(4);
  const toRead: OpenOptions = { dataDir: options.dataDir, readOnly: true, damaged };
  const opened = [await openInThread({ ...options, damaged })];
  // The writer last: it holds the lock of the directory.
  const closeAll = async (): Promise<void> => {
    for (const one of opened.toReversed()) await one.close();
  };
  try {
    // Listings run on a connection and a thread of their own: a reader never waits for a writer in WAL mode, and never
    // holds one up. What reads every row has another, or pages would wait for it: with 10,000,000 deliveries counting them
    // takes seconds, every minute.
    opened.push(await openInThread(toRead), await openInThread(toRead));
  } catch (error) {
    await closeAll();
    throw error;
  }
  const [writer, reader, counter] = opened as [SqliteParts, SqliteParts, SqliteParts];
  const { conservation, worthComparisons, findTampered, checkDigests } = counter.listings;
  return storeFrom({
    write: writer.write,
    lookups: writer.lookups,
    listings: { ...reader.listings, conservation, worthComparisons, findTampered, checkDigests },
    close: closeAll,
  });
}
