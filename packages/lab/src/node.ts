import type { Engine } from 'posthorn/engine';
import type { Clock, VirtualTime } from 'posthorn/runtime';
import { worldBegins } from './world-begins.ts';

/** A process of the simulated cluster: it can die, freeze, and have a wrong clock. */
export class LabNode {
  readonly name: string;
  readonly index: number;
  readonly #time: VirtualTime;
  /** Goes up with every start and every death; what belongs to a previous run never happens. */
  incarnation = 0;
  up = false;
  frozenUntil: number | null = null;
  /** How wrong its clock is, in ms. */
  skew = 0;
  engine: Engine | null = null;
  #held: (() => void)[] = [];

  constructor(name: string, index: number, time: VirtualTime) {
    this.name = name;
    this.index = index;
    this.#time = time;
  }

  /** Happens in this incarnation after `ms`, or when the node thaws, or never. */
  later(incarnation: number, ms: number, fn: () => void): () => void {
    let cancelled = false;
    const happen = (): void => {
      if (cancelled || this.incarnation !== incarnation) return;
      if (this.frozenUntil !== null) this.#held.push(happen);
      else fn();
    };
    const cancel = this.#time.after(ms, happen);
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** The clock of one incarnation: it dies and freezes with its node. */
  clock(incarnation: number): Clock {
    return {
      now: () => Math.floor(this.#time.now + this.skew),
      monotonic: () => this.#time.now - worldBegins,
      after: (ms, fn) => this.later(incarnation, ms, fn),
    };
  }

  die(): void {
    this.incarnation++;
    this.up = false;
    this.engine = null;
    this.frozenUntil = null;
    this.#held = [];
  }

  /** What was due meanwhile happens now, in its order. */
  thaw(): void {
    this.frozenUntil = null;
    const held = this.#held;
    this.#held = [];
    for (const happen of held) this.#time.after(0, happen);
  }
}
