import { existsSync, unlinkSync } from 'node:fs';
import { StoreOpenError } from '../../domain/errors.ts';
import { createPrivately, prepareDataDirectory } from './data-directory.ts';
import type { Database } from './database.ts';

/** Writes a copy of a database into a data directory that has none yet, such as one that was made in memory. */
export function saveCopy(db: Database, dataDir: string): void {
  const { database } = prepareDataDirectory(dataDir);
  if (existsSync(database))
    throw new StoreOpenError(`${dataDir} has data already: choose another with --data-dir`);
  createPrivately(database);
  try {
    db.raw.prepare('VACUUM INTO ?').run(database);
  } catch (error) {
    unlinkSync(database);
    throw error;
  }
}
