import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { StoreFaultError } from '../../domain/errors.ts';

interface Identity {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

function identityOf(path: string): { readonly dev: number; readonly ino: number } | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    // A parent that is a file now, a directory that may not be entered, a file system that is away.
    return null;
  }
}

/**
 * The files that this process has open, and whether their paths still lead to them. SQLite goes on writing into a deleted
 * file as if nothing had happened, so a commit after that would acknowledge what no other process can ever read.
 */
export class Ground {
  readonly #files: readonly Identity[];

  constructor(paths: readonly string[]) {
    this.#files = paths.flatMap((path) => {
      const found = identityOf(path);
      return found === null ? [] : [{ path, dev: found.dev, ino: found.ino }];
    });
  }

  /** Throws where a file is missing or another one has its name. A microsecond for each file. */
  check(): void {
    for (const { path, dev, ino } of this.#files) {
      const found = identityOf(path);
      if (found !== null && found.ino === ino && found.dev === dev) continue;
      const [fault, what] =
        found === null ? (['missing', 'is missing'] as const) : (['replaced', 'was replaced'] as const);
      throw new StoreFaultError(
        fault,
        `${basename(path)} ${what} in the data directory ${dirname(path)} while Posthorn runs: nothing is accepted; put the original directory back, or stop Posthorn, restore a backup and start it again`,
      );
    }
  }
}
