import { readdirSync, readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

// On Linux a priority belongs to a thread; elsewhere it would be the whole process's.

function lower(thread: number): void {
  try {
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // A sandbox may refuse it, and a thread may have ended: budgets bound what runs there all the same.
  }
}

/** Lets everything else go before the calling thread where processors are short. */
export function lowerThread(): void {
  if (process.platform === 'linux') lower(0);
}

/**
 * The same for V8's helpers, which collect the garbage of all threads: a schema that keeps errors had them take 1.1 s of
 * processor time in 0.6 s of its own, and the main thread waited for a processor three times as long as it ran.
 */
export function lowerHelpers(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of readdirSync('/proc/self/task'))
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').includes('V8Worker')) lower(Number(thread));
  } catch {
    // Without /proc, or a thread that has ended meanwhile.
  }
}
