import type { Clock } from '../../runtime/clock.ts';

interface Entry<T> {
  answer: T | null;
  /** By the monotonic clock. */
  madeAt: number;
  tookMs: number;
  making: Promise<T> | null;
}

/** Cached answers by key: computed at most this often, however many callers ask, and for at most a part of the time. */
export class Latest<T> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #everyMs: number;
  readonly #maxKeys: number;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(clock: Pick<Clock, 'monotonic'>, everyMs: number, maxKeys: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#maxKeys = maxKeys;
  }

  /** Slow answers are computed less often: the pause is ten times as long. */
  #isFresh({ answer, madeAt, tookMs }: Entry<T>): boolean {
    return answer !== null && this.#clock.monotonic() - madeAt < Math.max(this.#everyMs, 10 * tookMs);
  }

  async get(key: string, make: () => Promise<T>): Promise<T> {
    const entry = this.#entries.get(key) ?? { answer: null, madeAt: 0, tookMs: 0, making: null };
    // Least recently used first.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const [oldest, { making }] of this.#entries) {
      if (this.#entries.size <= this.#maxKeys) break;
      if (making === null) this.#entries.delete(oldest);
    }
    if (this.#isFresh(entry)) return entry.answer!;
    if (entry.making !== null) return await entry.making;
    const began = this.#clock.monotonic();
    const making = make();
    entry.making = making;
    try {
      entry.answer = await making;
      entry.madeAt = this.#clock.monotonic();
      entry.tookMs = entry.madeAt - began;
      return entry.answer;
    } finally {
      entry.making = null;
    }
  }
}
