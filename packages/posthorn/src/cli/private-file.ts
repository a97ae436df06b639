import { chmodSync, statSync, writeFileSync } from 'node:fs';

/** Makes a file private, even if it existed with another mode; devices and pipes keep theirs. */
export function closeToOthers(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || (stats.mode & 0o077) === 0) return;
  try {
    chmodSync(path, 0o600);
  } catch {
    // Another user's file, or a file system without modes.
  }
}

/** Writes what contains ids, amounts or excerpts: private before the first byte is in it. */
export function writePrivately(path: string, text: string): void {
  closeToOthers(path);
  writeFileSync(path, text, { mode: 0o600 });
}
