import type { Clock } from '../runtime/clock.ts';

/** How many begin in a turn at most, and for how long: on a slow or busy machine a turn is as short as on another. */
export interface TurnBounds {
  readonly count: number;
  readonly ms: number;
  /** What one tenant may use of it. The rest is for tenants of which nothing has begun in this turn. */
  readonly share: number;
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
  /** Tenants of which something has begun in this turn. */
  readonly #tenants = new Set<string>();
  #cancel: (() => void) | null = null;

  /** `onNext` is called when the turn is over in which something was counted. */
  constructor(clock: Clock, max: () => TurnBounds, onNext: () => void) {
    this.#clock = clock;
    this.#max = max;
    this.#onNext = onNext;
  }

  get isFull(): boolean {
    return this.#isOver(1);
  }

  /** Whether nothing more of this tenant begins in this turn. */
  isFullFor(tenant: string): boolean {
    return this.#isOver(this.#tenants.has(tenant) ? this.#max().share : 1);
  }

  #isOver(share: number): boolean {
    if (this.#count === 0) return false;
    const { count, ms } = this.#max();
    return this.#count >= count * share || this.#clock.monotonic() - this.#began >= ms * share;
  }

  count(tenant: string): void {
    if (this.#count++ === 0) this.#began = this.#clock.monotonic();
    this.#tenants.add(tenant);
    this.#cancel ??= this.#clock.after(1, () => {
      this.#cancel = null;
      this.#count = 0;
      this.#tenants.clear();
      this.#onNext();
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
