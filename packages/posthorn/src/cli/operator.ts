import { userInfo } from 'node:os';
import { libraryCaller } from '../domain/caller.ts';
import type { By } from '../service/audit.ts';

/** The operator of a command that works on the store itself: the user of the operating system. */
export function operator(): By {
  const id = userName();
  return { caller: { ...libraryCaller, kind: 'cli', id, name: id }, from: null, requestId: null };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user id without a name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
