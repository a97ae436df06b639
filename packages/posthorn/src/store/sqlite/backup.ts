import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../../domain/errors.ts';
import { createPrivately, existingDataDirectory } from './data-directory.ts';

/** All pages in one step: between two steps a commit of the running Posthorn would make SQLite begin again. */
const allPages = 2 ** 31 - 1;

/**
 * Copies the database of a data directory, also beside a running Posthorn, into a new directory of mode 0700. The copy is one state:
 * that of the moment at which it began. Throws `StoreOpenError` with one sentence where it cannot.
 */
export async function backupSqlite(dataDir: string, to: string): Promise<void> {
  const { database } = existingDataDirectory(dataDir);
  try {
    mkdirSync(to, { recursive: true, mode: 0o700 });
    if (readdirSync(to).length > 0)
      throw new StoreOpenError(`${to} is not empty: name a new directory for the backup`);
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    throw new StoreOpenError(`${to} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const file = join(to, 'posthorn.db');
  createPrivately(file);
  const source = new DatabaseSync(database, { readOnly: true, timeout: 5000 });
  try {
    await backup(source, file, { rate: allPages });
  } catch (error) {
    throw new StoreOpenError(`the backup failed: ${(error as Error).message}`, { cause: error });
  } finally {
    source.close();
  }
}
