import type { Clock } from './clock.ts';

export interface RepeatOptions {
  /** From the end of one run to the beginning of the next. */
  readonly everyMs: number;
  /** Before the first run; default `everyMs`. */
  readonly firstMs?: number;
  /** Nothing waits for a run, so that a simulation of weeks may make them less often. */
  readonly kind?: 'poll';
  /** A run failed; the next one comes in its time. */
  readonly onError: (error: Error) => void;
}

export interface Repeated {
  /** Runs now instead of at its time, unless a run is under way. */
  now(): void;
  /** Begins no further run, and resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work` again and again, never twice at once, and goes on after a failure. A run that resolves with a number of
 * milliseconds is followed by the next after so long.
 */
export function repeat(clock: Clock, work: () => Promise<number | void>, options: RepeatOptions): Repeated {
  const { everyMs, firstMs = everyMs, kind, onError } = options;
  let isStopped = false;
  let running: Promise<void> | null = null;
  let cancel = clock.after(firstMs, () => run(), kind);
  const run = (): void => {
    running = work()
      .catch(onError)
      .then((nextMs) => {
        running = null;
        if (!isStopped) cancel = clock.after(nextMs ?? everyMs, () => run(), kind);
      });
  };
  return {
    now: () => {
      if (isStopped || running !== null) return;
      cancel();
      run();
    },
    stop: async () => {
      isStopped = true;
      cancel();
      await running;
    },
  };
}
