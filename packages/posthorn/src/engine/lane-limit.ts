import { type AdaptiveLimit, freshLimit, minLimit, nextLimit } from '../domain/adaptive-limit.ts';

/** A window is never shorter, however low the limit: its mean would say little. */
const minWindow = 16;

/** A lane's adaptive limit. The window is counted in place: an attempt costs no allocation for it. */
export class LaneLimit {
  #state: AdaptiveLimit = freshLimit;
  #attempts = 0;
  #overloads = 0;
  #totalMs = 0;
  #wasFull = false;

  get limit(): number {
    return this.#state.limit;
  }

  /** After an attempt. `atOnce`: as many as might be in flight; `isFull`: as many as were. */
  observe(isOverload: boolean, durationMs: number, atOnce: number, isFull: boolean): void {
    this.#attempts++;
    if (isOverload) this.#overloads++;
    else this.#totalMs += durationMs;
    this.#wasFull ||= isFull;
    if (this.#attempts < Math.max(minWindow, atOnce)) return;
    this.#begin(
      nextLimit(this.#state, {
        attempts: this.#attempts,
        overloads: this.#overloads,
        totalMs: this.#totalMs,
        wasFull: this.#wasFull,
      }),
    );
  }

  /** The breaker is open: the limit begins at the bottom once it closes. */
  fall(): void {
    this.#begin(minLimit);
  }

  #begin(state: AdaptiveLimit): void {
    this.#state = state;
    this.#attempts = 0;
    this.#overloads = 0;
    this.#totalMs = 0;
    this.#wasFull = false;
  }
}
