import type { Clock } from '../runtime/clock.ts';
import type { Utilization } from '../runtime/utilization.ts';

const windowMs = 50;
/** How busy the thread may be while one tenant publishes more than all others together. */
const target = 0.6;
/** The minimum pace in bytes per millisecond: about twenty small events per second. */
const minRate = 64;
/** The longest that one body delays the next ones, in ms, however large it is. */
const maxPauseMs = 1000;
/** A longer window, in ms, says nothing about now: it contains a pause. */
const maxWindowMs = 500;
/** How much faster the next window may be if the thread had time left. */
const growth = 1.05;

/**
 * How fast one tenant may publish while it publishes more than all others together: as fast as leaves the thread 40% of
 * its time. Its events keep the thread busy after their answer too (attempts, outcomes), so a limit of concurrent
 * requests does not bound how long others wait (G8): beside a flood of batches their median was 11 ms, and 1.3 ms
 * without.
 */
export class PublishPace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #utilization: Utilization;
  #began: number;
  #bytes = new Map<string, number>();
  #total = 0;
  /** Bytes per millisecond. */
  #rate = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonic'>, utilization: Utilization) {
    this.#clock = clock;
    this.#utilization = utilization;
    this.#began = clock.monotonic();
  }

  /** Records that these bytes begin; returns how long (ms) nothing more of this tenant should begin. */
  take(tenant: string, bytes: number): number {
    this.#bytes.set(tenant, (this.#bytes.get(tenant) ?? 0) + bytes);
    this.#total += bytes;
    const now = this.#clock.monotonic();
    if (now - this.#began >= windowMs) this.#observe(now);
    return Math.min(maxPauseMs, bytes / this.#rate);
  }

  #observe(now: number): void {
    const ms = now - this.#began;
    const busy = this.#utilization();
    const heaviest = Math.max(...this.#bytes.values());
    const used = heaviest / ms;
    if (heaviest * 2 <= this.#total || ms > maxWindowMs) this.#rate = Number.POSITIVE_INFINITY;
    else if (busy > target) this.#rate = Math.max(minRate, (Math.min(this.#rate, used) * target) / busy);
    else this.#rate *= growth;
    this.#began = now;
    this.#total = 0;
    this.#bytes = new Map();
  }
}
