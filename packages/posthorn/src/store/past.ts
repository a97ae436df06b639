import type { DeliveryState } from '../domain/delivery.ts';
import type { TenantFilter } from './filters.ts';
import type { NumberRange } from './search.ts';

// The part of the store's port that says how deliveries stood at a moment: from rows, since counters only know the present outcome.

export interface PastQuery extends TenantFilter {
  readonly endpointIds: readonly string[] | null;
  /** When deliveries were accepted: since ≤ t < at. */
  readonly since: number;
  /** The moment, ms since the epoch. */
  readonly at: number;
}

export interface PastPage {
  /** Goes on behind this number. */
  readonly after: number | null;
  /** Rows that the step may read. */
  readonly maxRows: number;
  /** Outside of it is nothing of the window: see `deliveriesWithin`. */
  readonly within: NumberRange;
}

/** Deliveries of one endpoint and one currency that stood alike then, and stand alike now. */
export interface PastPart {
  readonly endpointId: string;
  /** Null: events without a value, and deliveries that are not at risk, of which no event is looked up. */
  readonly currency: string | null;
  readonly then: DeliveryState;
  readonly now: DeliveryState;
  /** Pending then, and past the deadline that the endpoint promises now. */
  readonly isLate: boolean;
  readonly count: number;
  readonly amountMinor: bigint;
  /** When the first of them was accepted. */
  readonly oldestAt: number;
}

export interface PastStep {
  readonly parts: readonly PastPart[];
  readonly rowsRead: number;
  /** Everything up to this number has been read; null: nothing is left. */
  readonly next: number | null;
}

export interface Past {
  /**
   * How what was accepted before a moment stood then. What has ended before it, and was not redriven since, stands as it stood;
   * of the others the log of attempts tells: dead after the last attempt of a schedule until a redrive came, suppressed until a
   * redrive made the first attempt, else pending. A redrive of one delivery alone is taken to have come with its next attempt,
   * and one that was cancelled then and redriven since counts as suppressed.
   */
  pastStep(query: PastQuery, page: PastPage): Promise<PastStep>;
}

/** endpoint id, currency, state then, state now, whether it was late, count, upper and lower halves of the sum, oldest */
export function pastPartOf(row: readonly unknown[], states: readonly DeliveryState[]): PastPart {
  const [endpointId, currency, then, now, isLate, count, hi, lo, oldestAt] = row as [
    string,
    string | null,
    number,
    number,
    number | boolean,
    number,
    number,
    number,
    number,
  ];
  return {
    endpointId,
    currency,
    then: states[then]!,
    now: states[now]!,
    isLate: Boolean(isLate),
    count,
    amountMinor: (BigInt(hi) << 32n) + BigInt(lo),
    oldestAt,
  };
}
