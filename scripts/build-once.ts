import {
  closeSync,
  existsSync,
  globSync,
  openSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** A build takes a few seconds: a lock this old belongs to a killed process. */
const maxBuildMs = 60_000;

/** Something that is built from sources, and again when one of them is newer. */
export interface Build {
  /** Touched when it was built. */
  readonly stamp: string;
  readonly lock: string;
  /** Patterns of files. */
  readonly sources: readonly string[];
  readonly build: () => Promise<void>;
}

/** Whether a source is newer than what was built. */
function isStale({ stamp, sources }: Build): boolean {
  if (!existsSync(stamp)) return true;
  const builtAt = statSync(stamp).mtimeMs;
  return sources.flatMap((pattern) => globSync(pattern)).some((file) => statSync(file).mtimeMs > builtAt);
}

/** Runs `action` while no other process does. */
async function alone(lock: string, action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx'));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) > maxBuildMs)
        rmSync(lock, { force: true });
      await setTimeout(100);
    }
  }
  try {
    await action();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Builds if needed; returns how long it took in ms, or null. Any number of processes may call it at once: one builds, the others wait. */
export async function buildOnce(build: Build): Promise<number | null> {
  if (!isStale(build)) return null;
  let tookMs: number | null = null;
  await alone(build.lock, async () => {
    if (!isStale(build)) return;
    const begun = Date.now();
    await build.build();
    writeFileSync(build.stamp, '');
    // A source that was changed in the meantime is newer.
    utimesSync(build.stamp, new Date(begun), new Date(begun));
    tookMs = Date.now() - begun;
  });
  return tookMs;
}
