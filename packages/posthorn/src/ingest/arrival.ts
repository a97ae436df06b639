import type { Clock } from '../runtime/clock.ts';

/** Lets a reader wait until a library's listener says that something is there. */
export class Arrival {
  readonly #clock: Clock;
  #error: Error | null = null;
  #wake = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something is there. */
  notify(): void {
    this.#wake();
  }

  /** The connection failed: this wait and every later one rejects. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }

  /** Waits for the next call of `notify`, at most so long, less if `signal` aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#error === null && !signal.aborted)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const cancel = this.#clock.after(ms, done);
        this.#wake = done;
        signal.addEventListener('abort', done);
      });
    if (this.#error !== null) throw this.#error;
  }
}
