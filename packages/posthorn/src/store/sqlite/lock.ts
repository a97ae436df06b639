import { DatabaseSync } from 'node:sqlite';
import { statSync } from 'node:fs';
import { StoreOpenError } from '../../domain/errors.ts';
import { openingError, primaryCode } from './damage.ts';
import type { DataDirectory } from './data-directory.ts';

class DataDirectoryLockedError extends StoreOpenError {
  override readonly name = 'DataDirectoryLockedError';
}

const busy = 5;
const damaged: ReadonlySet<number | null> = new Set([11, 26]);

export interface DataDirectoryLock {
  /** Remembers that the directory holds a database, so that a later start notices when it has vanished. */
  remember(): void;
  release(): void;
}

function refused(error: unknown, { path, lock }: DataDirectory): unknown {
  const code = primaryCode(error);
  if (code === busy)
    return new DataDirectoryLockedError(
      `the data directory ${path} is in use by another Posthorn process; stop it, or choose another with --data-dir`,
      { cause: error },
    );
  if (damaged.has(code))
    return new StoreOpenError(
      `the lock file ${lock} is damaged (${(error as Error).message}): make sure that no Posthorn runs on this directory, remove the lock file and start again`,
      { cause: error },
    );
  return openingError(error, lock);
}

/**
 * Holds a data directory for this process. The lock is SQLite's own file lock on a small database beside the
 * data: the kernel lets go of it whenever the process ends, also by SIGKILL, so it is never stale.
 */
export function lockDataDirectory(directory: DataDirectory): DataDirectoryLock {
  const { path, lock: file, database } = directory;
  let lock: DatabaseSync;
  let remembered: boolean;
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw refused(error, directory);
  }
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    remembered = (lock.prepare('PRAGMA user_version').get() as { user_version: number }).user_version > 0;
  } catch (error) {
    lock.close();
    throw refused(error, directory);
  }
  if (remembered && (statSync(database, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    lock.close();
    throw new StoreOpenError(
      `${database} is missing or empty, and this directory held a database before: restore a backup; to start with an empty store instead, remove ${file} (${path} then forgets what it held)`,
    );
  }
  return {
    remember: () => {
      if (remembered) return;
      try {
        // In exclusive mode the file stays locked between the two transactions.
        lock.exec('PRAGMA user_version = 1; COMMIT');
        remembered = true;
      } catch {
        // A full disk: the next start remembers it.
        if (lock.isTransaction) lock.exec('ROLLBACK');
      }
      lock.exec('BEGIN EXCLUSIVE');
    },
    release: () => lock.close(),
  };
}
