import { minuteMs } from '../domain/time.ts';

/** Events whose deadline has passed, and how many of them had not been delivered by then. Never attempts. */
export interface Counts {
  readonly due: number;
  readonly bad: number;
}

/** A history by the minute in which deadlines passed; every rule reads it through sliding windows. */
export class MinuteHistory {
  /** The first minute, ms since the epoch. */
  readonly from: number;
  readonly minutes: number;
  // Prefix sums by minute, so that a window of any length costs two lookups.
  readonly #due: Float64Array;
  readonly #bad: Float64Array;

  /** `due` and `bad` are counts per minute, starting with the minute of `from`. */
  constructor(from: number, due: ArrayLike<number>, bad: ArrayLike<number>) {
    this.from = from;
    this.minutes = due.length;
    this.#due = new Float64Array(due.length + 1);
    this.#bad = new Float64Array(due.length + 1);
    for (let at = 0; at < due.length; at++) {
      this.#due[at + 1] = this.#due[at]! + due[at]!;
      this.#bad[at + 1] = this.#bad[at]! + bad[at]!;
    }
  }

  /**
   * Returns the counts of the window of this length that ends with this minute (0 is the first). Minutes before the
   * history count as zero.
   */
  window(minute: number, lengthMs: number): Counts {
    const until = minute + 1;
    const from = Math.max(0, until - Math.round(lengthMs / minuteMs));
    return { due: this.#due[until]! - this.#due[from]!, bad: this.#bad[until]! - this.#bad[from]! };
  }

  get all(): Counts {
    return { due: this.#due[this.minutes]!, bad: this.#bad[this.minutes]! };
  }

  timeOf(minute: number): number {
    return this.from + minute * minuteMs;
  }
}
