import type { Store } from '../store.ts';
import { openHere, type OpenOptions } from './open-here.ts';
import { storeFrom } from './parts.ts';
import { openInThread } from './thread.ts';

/** Opens a data directory, creating and migrating it as needed. Rejects with `DataDirectoryLockedError`. */
export async function openSqliteStore(options: OpenOptions): Promise<Store> {
  if (options.thread !== true) return openHere(options);
  const damaged = new SharedArrayBuffer(4);
  const writer = await openInThread({ ...options, damaged });
  try {
    // Listings run on a connection and a thread of their own: a reader never waits for a writer in WAL mode, and never
    // holds one up.
    const reader = await openInThread({ dataDir: options.dataDir, readOnly: true, damaged });
    return storeFrom({
      write: writer.write,
      lookups: writer.lookups,
      listings: reader.listings,
      close: async () => {
        await reader.close();
        await writer.close();
      },
    });
  } catch (error) {
    await writer.close();
    throw error;
  }
}
