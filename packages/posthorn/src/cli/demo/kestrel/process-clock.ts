import type { Clock } from '../../../runtime/clock.ts';
import type { VirtualTime } from '../../../runtime/virtual-time.ts';

interface Check {
  readonly ms: number;
  readonly fn: () => void;
  cancel: () => void;
}

/** The clock of one simulated process: it can freeze, and its periodic checks can run less often. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  #held: (() => void)[] | null = null;
  /** Factor by which periodic checks are less frequent. */
  #slower: number;
  readonly #checks = new Set<Check>();

  constructor(time: VirtualTime, slower: number) {
    this.#time = time;
    this.#slower = slower;
  }

  now(): number {
    return Math.floor(this.#time.now);
  }

  monotonic(): number {
    return this.#time.elapsed;
  }

  after(ms: number, fn: () => void, kind?: 'poll'): () => void {
    if (kind === undefined) return this.#time.after(ms, () => this.#happen(fn));
    const check: Check = { ms, fn, cancel: () => {} };
    this.#checks.add(check);
    this.#arm(check);
    return () => {
      this.#checks.delete(check);
      check.cancel();
    };
  }

  /** Changes the factor of periodic checks from now on, including those that are waiting. */
  slowChecks(slower: number): void {
    this.#slower = slower;
    for (const check of this.#checks) {
      check.cancel();
      this.#arm(check);
    }
  }

  freeze(): void {
    this.#held ??= [];
  }

  /** What was due meanwhile happens now, in order. */
  thaw(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const fn of held) this.#time.after(0, () => this.#happen(fn));
  }

  #arm(check: Check): void {
    check.cancel = this.#time.after(check.ms * this.#slower, () => {
      this.#checks.delete(check);
      this.#happen(check.fn);
    });
  }

  #happen(fn: () => void): void {
    if (this.#held === null) fn();
    else this.#held.push(fn);
  }
}
