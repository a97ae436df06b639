import type { NumberBounds } from '../domain/clock-record.ts';

/** What the store remembers of the clock (`ClockRecord` as text), so that a run knows what the one before it has seen. */
export interface StoredClock {
  /** Null: nothing yet. */
  readonly text: string | null;
  /** When the newest event was accepted, by its own stamp: what is known of a database without a record. */
  readonly newestStamp: number | null;
  readonly bounds: NumberBounds;
}

/** How times in rows follow a jump of the clock. */
export interface Rebase {
  /** The reading after the jump. */
  readonly now: number;
  /**
   * Above zero: leases that ran before the jump run on for as long. Below zero: whatever is pending comes due after as long as
   * before the jump, and no breaker or secret is dated in the future.
   */
  readonly byMs: number;
  /** Only what is due later than so long after `now`: what a node wrote by the former time after the move. Default 0. */
  readonly beyondMs?: number;
}

export interface ClockChange {
  /** The text that the change was worked out from. */
  readonly expected: string | null;
  readonly text: string;
  readonly rebase: Rebase | null;
}

export interface ClockWrites {
  /**
   * Replaces the record and moves times in rows in one transaction: of two nodes that see one jump, one moves them. False,
   * with nothing changed, if another text is stored than the expected one.
   */
  saveClock(change: ClockChange): Promise<boolean>;
}

export interface ClockLookups {
  clock(): Promise<StoredClock>;
}
