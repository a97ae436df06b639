/** Time and randomness, so that a test can have its own. */
export interface ClientRuntime {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after this time; rejects as soon as the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
  /** A unique idempotency key. */
  newKey(): string;
}

export const systemRuntime: ClientRuntime = {
  now: () => Date.now(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal!.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    }),
  random: () => Math.random(),
  newKey: () => crypto.randomUUID(),
};
