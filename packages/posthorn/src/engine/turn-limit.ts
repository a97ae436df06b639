import type { Clock } from '../runtime/clock.ts';

/**
 * How much of something begins in one turn of the event loop, so that timers and sockets have their turns too (G8). Where
 * 2,000 receivers refused at once, each refusal began the next attempt, and turns took up to 1.7 s.
 */
export class TurnLimit {
  readonly #clock: Clock;
  readonly #max: () => number;
  readonly #onNext: () => void;
  #count = 0;
  #cancel: (() => void) | null = null;

  /** `onNext` is called when the turn is over in which something was counted. */
  constructor(clock: Clock, max: () => number, onNext: () => void) {
    this.#clock = clock;
    this.#max = max;
    this.#onNext = onNext;
  }

  get isFull(): boolean {
    return this.#count > 0 && this.#count >= this.#max();
  }

  count(): void {
    this.#count++;
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
