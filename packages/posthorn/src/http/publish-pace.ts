import type { Clock } from '../runtime/clock.ts';
import type { Utilization } from '../runtime/utilization.ts';

const windowMs = 50;
/** How busy the thread may be while one tenant is paced. */
const target = 0.5;
/**
 * A pace begins when one tenant publishes more than this part of all bytes, and ends when it publishes less than half. Two
 * that differ less would be paced in turn, and leave half of a thread unused that both could fill.
 */
const floodShare = 2 / 3;
/** The minimum pace in bytes per millisecond: about twenty small events per second. */
const minRate = 64;
/** The longest that one body delays the next ones, in ms, however large it is. */
const maxPauseMs = 1000;
/** Who has published nothing for so long, in ms, does not flood any more. */
const maxWindowMs = 2 * maxPauseMs;
/** How much faster the next window may be if the thread had time left. */
const growth = 1.05;

/**
 * How fast one tenant may publish while it publishes far more than all others together: as fast as leaves the thread half
 * of its time. Its events keep the thread busy after their answer too (attempts, outcomes), so a limit of concurrent
 * requests does not bound how long others wait (G8): beside a flood of batches their median was 11 ms, and 1.3 ms
 * without.
 */
export class PublishPace {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #utilization: Utilization;
  #began: number;
  #bytes = new Map<string, number>();
  #total = 0;
  /** The tenant that is paced, and its bytes per millisecond; null: none is. */
  #paced: { readonly tenant: string; readonly rate: number } | null = null;

  constructor(clock: Pick<Clock, 'monotonic'>, utilization: Utilization) {
    this.#clock = clock;
    this.#utilization = utilization;
    this.#began = clock.monotonic();
  }

  /** Records that these bytes begin; returns how long (ms) nothing more of this tenant should begin. */
  take(tenant: string, bytes: number): number {
    const now = this.#clock.monotonic();
    const ms = now - this.#began;
    // A window contains whole rounds of the one that is paced: a body of it with the pause behind.
    if (ms >= (this.#paced === null || tenant === this.#paced.tenant ? windowMs : maxWindowMs))
      this.#observe(now, ms);
    this.#bytes.set(tenant, (this.#bytes.get(tenant) ?? 0) + bytes);
    this.#total += bytes;
    return tenant === this.#paced?.tenant ? Math.min(maxPauseMs, bytes / this.#paced.rate) : 0;
  }

  #observe(now: number, ms: number): void {
    const busy = this.#utilization();
    const [heaviest, most] = [...this.#bytes].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    const paced = this.#paced;
    const least = heaviest === paced?.tenant ? 1 / 2 : floodShare;
    if (most <= this.#total * least || ms >= maxWindowMs) this.#paced = null;
    else if (busy > target) {
      const used = heaviest === paced?.tenant ? Math.min(paced.rate, most / ms) : most / ms;
      this.#paced = { tenant: heaviest, rate: Math.max(minRate, (used * target) / busy) };
    } else if (paced !== null) this.#paced = { tenant: paced.tenant, rate: paced.rate * growth };
    this.#began = now;
    this.#total = 0;
    this.#bytes = new Map();
  }
}
