import { StoreOpenError, UnavailableError } from '../domain/errors.ts';
import type { Store } from '../store/store.ts';
import { CommandError } from './output.ts';

/**
 * Opens the history of a Posthorn, running or stopped, to read it; close it afterwards. If both are given, `dataDir` is
 * used.
 */
export async function openToRead(
  dataDir: string | undefined,
  databaseUrl: string | undefined,
): Promise<Store> {
  if (dataDir === '') throw new CommandError('--data-dir is empty: name a directory', 2);
  try {
    if (dataDir === undefined) {
      const { openPostgresStore } = await import('../store/postgres/open.ts');
      return (await openPostgresStore(databaseUrl!, { readOnly: true })).store;
    }
    const { openSqliteStore } = await import('../store/sqlite/open.ts');
    return await openSqliteStore({ dataDir, readOnly: true });
  } catch (error) {
    // Wrong usage: the store is missing, or this version cannot read it.
    if (error instanceof StoreOpenError) throw new CommandError(error.message, 2);
    if (error instanceof UnavailableError) throw error;
    throw new CommandError(`the store cannot be opened: ${(error as Error).message}`);
  }
}

/**
 * Reads a whole store. Any failure becomes a sentence: rows that Posthorn cannot have written make its own code fail in
 * unexpected ways.
 */
export async function readWhole<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await work(store);
  } catch (error) {
    if (error instanceof UnavailableError || error instanceof CommandError) throw error;
    throw new CommandError(
      `the store cannot be read to its end (${(error as Error).message}): it contains what Posthorn does not write; keep a copy and restore a backup`,
    );
  } finally {
    await store.close();
  }
}
