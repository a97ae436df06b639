import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';

class DataDirectoryLockedError extends Error {
  override readonly name = 'DataDirectoryLockedError';
}

/**
 * Holds a data directory for this process. The lock is SQLite's own file lock on a small database beside the
 * data: the kernel lets go of it whenever the process ends, also by SIGKILL, so it is never stale.
 */
export function lockDataDirectory(dataDir: string): { release(): void } {
  const lock = new DatabaseSync(join(dataDir, 'posthorn.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new DataDirectoryLockedError(
      `the data directory ${dataDir} is in use by another Posthorn process; stop it, or choose another with --data-dir`,
      { cause: error },
    );
  }
  return { release: () => lock.close() };
}
