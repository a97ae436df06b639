import type { Clock } from '../runtime/clock.ts';
import { Turns } from '../runtime/turns.ts';
import type { Lane } from './lane.ts';

/** Between two tries of a program that has hung, on behalf of owners whose data it is not known to be quick on. */
const firstPauseMs = 100;
const maxPauseMs = 5000;
const forgottenAfterMs = 600_000;

/** One program that ended a runner lately. A runner is lost for each, so there are no more than some thousands of them. */
interface Hung<R> {
  hangs: number;
  hungAt: number;
  /** Nothing is tried before. */
  until: number;
  readonly held: Turns<Lane<R>>;
  cancel: (() => void) | null;
}

/**
 * Starting a runner again costs everybody about 0.1 s of a processor (G8). So a program that ends one is tried again after a pause,
 * longer each time and for all its owners together, but for those on whose data it is known to be quick.
 */
export class HangPauses<R> {
  readonly #clock: Clock;
  readonly #release: (lane: Lane<R>) => void;
  readonly #programs = new Map<string, Hung<R>>();

  constructor(clock: Clock, release: (lane: Lane<R>) => void) {
    this.#clock = clock;
    this.#release = release;
  }

  /** The program has ended a runner. */
  hung(hash: string): void {
    const now = this.#clock.monotonic();
    this.#forget(now);
    let program = this.#programs.get(hash);
    if (program === undefined)
      this.#programs.set(
        hash,
        (program = { hangs: 0, hungAt: now, until: now, held: new Turns(), cancel: null }),
      );
    program.hangs++;
    program.hungAt = now;
    this.#pause(program, now);
  }

  /** The program stayed within its budget: its caller goes on. */
  ran(hash: string): void {
    const program = this.#programs.get(hash);
    if (program === undefined) return;
    program.until = this.#clock.monotonic();
    this.#arm(program);
  }

  /** Whether the lane has to wait; it is released when its turn comes. */
  holds(lane: Lane<R>): boolean {
    const program = this.#programs.get(lane.program.hash);
    if (program === undefined || lane.record === 'proven') return false;
    const now = this.#clock.monotonic();
    if (program.held.size === 0 && program.until <= now) {
      this.#pause(program, now);
      return false;
    }
    program.held.add(lane.tenant, lane);
    this.#arm(program);
    return true;
  }

  close(): void {
    for (const { cancel } of this.#programs.values()) cancel?.();
    this.#programs.clear();
  }

  #pause(program: Hung<R>, now: number): void {
    program.until = now + Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(16, program.hangs - 1));
    this.#arm(program);
  }

  #arm(program: Hung<R>): void {
    program.cancel?.();
    program.cancel = null;
    if (program.held.size === 0) return;
    const now = this.#clock.monotonic();
    program.cancel = this.#clock.after(Math.max(0, program.until - now), () => {
      program.cancel = null;
      this.#tryNext(program);
    });
  }

  #tryNext(program: Hung<R>): void {
    for (let lane = program.held.take(); lane !== undefined; lane = program.held.take()) {
      // What waited may have been given up.
      if (lane.jobs.length === 0 || lane.running) continue;
      this.#pause(program, this.#clock.monotonic());
      return this.#release(lane);
    }
  }

  #forget(now: number): void {
    for (const [hash, { hungAt, held }] of this.#programs)
      if (held.size === 0 && now - hungAt > forgottenAfterMs) this.#programs.delete(hash);
  }
}
