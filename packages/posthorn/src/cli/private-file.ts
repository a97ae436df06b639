import { chmodSync, statSync, writeFileSync } from 'node:fs';

/** Closes a file to other users, also where it was there before with another mode; devices and pipes keep theirs. */
export function closeToOthers(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || (stats.mode & 0o077) === 0) return;
  try {
    chmodSync(path, 0o600);
  } catch {
    // Somebody else's file, or a file system without modes.
  }
}

/** Writes what holds ids, amounts or excerpts: closed to others before the first byte is in it. */
export function writePrivately(path: string, text: string): void {
  closeToOthers(path);
  writeFileSync(path, text, { mode: 0o600 });
}
