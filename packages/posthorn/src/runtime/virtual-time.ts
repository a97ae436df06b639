import { nextTurn } from './turn.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  fn: (() => void) | null;
}

const minDelayMs = 0.001;

/**
 * Time that passes only when there is nothing left to do in it: days in seconds, and the same order of everything in
 * every run. Timers of one moment fire in the order in which they were set.
 */
export class VirtualTime {
  readonly #begins: number;
  #now: number;
  #order = 0;
  #fired = 0;
  // A binary heap by time, then by order.
  readonly #heap: Timer[] = [];

  /** `begins` in ms since the epoch. */
  constructor(begins: number) {
    this.#begins = begins;
    this.#now = begins;
  }

  /** ms since the epoch, with fractions. */
  get now(): number {
    return this.#now;
  }

  /** ms since it began. */
  get elapsed(): number {
    return this.#now - this.#begins;
  }

  /** How many timers have fired. */
  get fired(): number {
    return this.#fired;
  }

  after(ms: number, fn: () => void): () => void {
    // A double of this size resolves a quarter of a microsecond: what is less would not let time pass at all, and who waits
    // for it would wait for ever (seed 4094 of everything did).
    const at = this.#now + (ms > 0 ? Math.max(ms, minDelayMs) : 0);
    const timer: Timer = { at, order: this.#order++, fn };
    this.#push(timer);
    return () => {
      timer.fn = null;
    };
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs until this moment, or until `done` says so, or until nothing is left to happen. */
  async run(until: number, done: () => boolean): Promise<void> {
    await nextTurn();
    while (!done()) {
      const timer = this.#heap[0];
      if (timer === undefined || timer.at > until) break;
      this.#pop();
      if (timer.fn === null) continue;
      this.#now = timer.at;
      this.#fired++;
      timer.fn();
      // Everything that this moment set going comes to rest before the next one begins.
      await nextTurn();
    }
    if (!done() && this.#now < until && Number.isFinite(until)) this.#now = until;
  }

  /** The same for a world without promises: nothing has to come to rest between two moments. */
  runPlain(until: number): void {
    for (let timer = this.#heap[0]; timer !== undefined && timer.at <= until; timer = this.#heap[0]) {
      this.#pop();
      if (timer.fn === null) continue;
      this.#now = timer.at;
      this.#fired++;
      timer.fn();
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
