import { nextTurn } from '../runtime/turn.ts';
import { Turns } from '../runtime/turns.ts';

/** What requests that begin in one turn of the event loop cost together at most: about 2 ms of work. */
const maxCost = 20;
/** Bytes of a body whose reading and checking take as long as a small request. */
const bytesPerCost = 4096;

interface Waiting {
  readonly cost: number;
  readonly begin: () => void;
}

/**
 * How many requests begin in one turn of the event loop: beyond, callers take turns, so that a request waits for no flood of
 * another caller's (G8). Where fewer arrive, nothing waits, and it costs a comparison. Connections are bounded, and each has
 * one request at a time, so what waits is bounded too.
 */
export class RequestTurns {
  readonly #nextTurn: () => Promise<void>;
  readonly #waiting = new Turns<Waiting>();
  #begun = 0;
  #isArmed = false;

  constructor(next: () => Promise<void> = nextTurn) {
    this.#nextTurn = next;
  }

  /** Null: it may begin now. */
  admit(caller: string, contentLength: string | undefined): Promise<void> | null {
    const bytes = Number(contentLength ?? 0);
    const cost = 1 + (Number.isFinite(bytes) ? Math.min(maxCost, Math.floor(bytes / bytesPerCost)) : 0);
    if (this.#waiting.size === 0 && this.#begun < maxCost) {
      this.#count(cost);
      return null;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(caller, { cost, begin: resolve });
    return promise;
  }

  #count(cost: number): void {
    this.#begun += cost;
    if (this.#isArmed) return;
    this.#isArmed = true;
    void this.#nextTurn().then(() => this.#turn());
  }

  #turn(): void {
    this.#isArmed = false;
    this.#begun = 0;
    while (this.#begun < maxCost) {
      const next = this.#waiting.take();
      if (next === undefined) return;
      this.#count(next.cost);
      next.begin();
    }
  }
}
