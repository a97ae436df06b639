import type { Clock } from '../runtime/clock.ts';

export interface Expiring {
  readonly ended: boolean;
  expire(): void;
}

const tickMs = 50;

/**
 * Timeouts for very many attempts: a queue for each length of timeout, in order of expiry, looked at every
 * 50 ms. A timer for each attempt costs more than this by far, and no receiver minds 50 ms.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, { readonly at: number; readonly what: Expiring }[]>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(what: Expiring, timeoutMs: number): void {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) this.#queues.set(timeoutMs, (queue = []));
    queue.push({ at: this.#clock.monotonic() + timeoutMs, what });
    this.#cancel ??= this.#clock.after(tickMs, () => this.#tick());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #tick(): void {
    const now = this.#clock.monotonic();
    for (const [timeoutMs, queue] of this.#queues) {
      let gone = 0;
      while (gone < queue.length && (queue[gone]!.what.ended || queue[gone]!.at <= now))
        queue[gone++]!.what.expire();
      if (gone > 0) queue.splice(0, gone);
      // Ended attempts behind one that hangs must not pile up.
      if (queue.length > 4096)
        this.#queues.set(
          timeoutMs,
          queue.filter(({ what }) => !what.ended),
        );
      if (queue.length === 0) this.#queues.delete(timeoutMs);
    }
    this.#cancel = this.#queues.size === 0 ? null : this.#clock.after(tickMs, () => this.#tick());
  }
}
