import type { Clock } from '../runtime/clock.ts';

/** How many begin in a turn at most, and for how long: on a slow or busy machine a turn is as short as on another. */
export interface TurnBounds {
  readonly count: number;
  readonly ms: number;
}

/**
 * How much of something begins in one turn of the event loop, so that timers and sockets have their turns too (G8). Where
 * 2,000 receivers refused at once, each refusal began the next attempt, and turns took up to 1.7 s.
 */
export class TurnLimit {
  readonly #clock: Clock;
  readonly #max: () => TurnBounds;
  readonly #onNext: () => void;
  #count = 0;
  #began = 0;
  #cancel: (() => void) | null = null;

  /** `onNext` is called when the turn is over in which something was counted. */
  constructor(clock: Clock, max: () => TurnBounds, onNext: () => void) {
    this.#clock = clock;
    this.#max = max;
    this.#onNext = onNext;
  }

  get isFull(): boolean {
    if (this.#count === 0) return false;
    const { count, ms } = this.#max();
    return this.#count >= count || this.#clock.monotonic() - this.#began >= ms;
  }

  count(): void {
    if (this.#count++ === 0) this.#began = this.#clock.monotonic();
    this.#cancel ??= this.#clock.after(1, () => {
      this.#cancel = null;
      this.#count = 0;
      this.#onNext();
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
