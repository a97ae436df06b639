import { dirname } from 'node:path';
import { StoreFaultError, StoreOpenError, UnavailableError } from '../../domain/errors.ts';

// SQLite's primary result codes after which nothing was written and a later try may succeed:
// busy, locked, no memory, read-only, I/O error, full, cannot open.
const passing = new Set([5, 6, 7, 8, 10, 13, 14]);
/** Malformed, and not a database at all. */
const damaged = new Set([11, 26]);

export function primaryCode(error: unknown): number | null {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? null : errcode & 0xff;
}

/** The one sentence about a damaged file; `detail` is what was found. */
export function damageOf(path: string, detail: string, cause?: unknown): StoreFaultError {
  const where = path === ':memory:' ? '' : ` --data-dir ${dirname(path)}`;
  return new StoreFaultError(
    'damaged',
    `${path} is damaged (${detail}): stop Posthorn, keep a copy of the data directory, see what is affected with \`posthorn verify${where}\`, and restore a backup`,
    { cause },
  );
}

const reasons: Readonly<Record<number, string>> = {
  5: 'another program holds a lock on the database; stop that program',
  6: 'another program holds a lock on the database; stop that program',
  7: 'there is not enough memory',
  8: 'it may only be read; check its owner, its mode and how its file system is mounted',
  10: 'its disk answers with an I/O error; check the disk and its free space',
  13: 'its disk is full; free some space',
  14: 'it cannot be opened; check its owner and mode, and the limit of open files',
};

/** From SQLite's words to the port's: what passes, what is damage, and everything else as it is. */
export function translated(error: unknown, path: string): unknown {
  const code = primaryCode(error);
  if (code === null) return error;
  if (damaged.has(code)) return damageOf(path, (error as Error).message, error);
  if (passing.has(code))
    return new UnavailableError(
      `the store cannot work now: ${reasons[code] ?? 'it refuses'} (${(error as Error).message})`,
      { cause: error },
    );
  return error;
}

/** Why a database could not be opened, as one sentence with the next step. */
export function openingError(error: unknown, path: string): unknown {
  const code = primaryCode(error);
  // Rows that are read at the start and are not what Posthorn writes make its own code fail in unforeseen ways.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    return damageOf(path, `a row of it is not what Posthorn writes: ${error.message}`, error);
  if (code === null) return error;
  const found = translated(error, path);
  if (found instanceof StoreFaultError) return found;
  const reason = reasons[code];
  return reason === undefined
    ? new StoreOpenError(`the store ${path} cannot be opened: ${(error as Error).message}`, { cause: error })
    : new StoreOpenError(`the store ${path} cannot be opened: ${reason} (${(error as Error).message})`, {
        cause: error,
      });
}

/** A document as it was stored; text that is not JSON was not written by Posthorn. */
export function storedJson(text: unknown, what: string, path: string): unknown {
  try {
    return JSON.parse(text as string) as unknown;
  } catch (error) {
    throw damageOf(path, `${what} is not JSON`, error);
  }
}
