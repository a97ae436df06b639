import { readFileSync } from 'node:fs';

/** How many files, sockets among them, a process may have open, by the text of Linux' /proc/self/limits; null if it does not say. */
export function parseOpenFiles(limits: string): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** The same for this process; null where the system has no such file. */
export function maxOpenFiles(): number | null {
  try {
    return parseOpenFiles(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return null;
  }
}
