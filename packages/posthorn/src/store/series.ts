import type { ErrorClass } from '../domain/attempt.ts';
import type { SeriesStep } from '../domain/series.ts';
import { dayMs, hourMs, minuteMs } from '../domain/time.ts';
import type { AccountingQuery, Counters } from './accounting.ts';

// The part of the store's port that answers how much by time: the same counters as the accounting's, never rows of deliveries.

/** What a series counts: deliveries by state, failed attempts, or how long deliveries took. */
export type SeriesSource = 'counts' | 'failures' | 'latency';

export interface SeriesQuery extends AccountingQuery {
  /** Multiples of the step's length. */
  readonly since: number;
  readonly until: number;
  readonly step: SeriesStep;
  /** `error_class` of failures alone. */
  readonly by: 'none' | 'endpoint' | 'owner' | 'event_type' | 'error_class';
  /** Series in the answer at most: if there are more keys, the largest stand alone and the others are one series. */
  readonly maxSeries: number;
}

/** One series at one point, by the deadline that the endpoints have. */
export interface SeriesRow {
  /** Null: no owner; and with `by: none` always. */
  readonly key: string | null;
  /** The sum of keys without a series of their own. */
  readonly isOthers: boolean;
  /** Beginning of the point, ms since the epoch. */
  readonly at: number;
  readonly deliverWithinMs: number;
}

export interface CountsRow extends SeriesRow, Counters {}
export interface FailuresRow extends SeriesRow {
  readonly errorClass: ErrorClass | null;
  readonly count: number;
}
export interface LatencyRow extends SeriesRow {
  /** From the histogram (`domain/latency.ts`). */
  readonly bucket: number;
  readonly count: number;
}

export interface SeriesAnswer<Row extends SeriesRow> {
  /** Those that stand alone, the largest first; also if nothing was counted. */
  readonly keys: readonly (string | null)[];
  /** How many keys are one series together. */
  readonly others: number;
  /** Points with nothing in them are left out. */
  readonly rows: readonly Row[];
}

export interface Series {
  countSeries(query: SeriesQuery): Promise<SeriesAnswer<CountsRow>>;
  failureSeries(query: SeriesQuery): Promise<SeriesAnswer<FailuresRow>>;
  latencySeries(query: SeriesQuery): Promise<SeriesAnswer<LatencyRow>>;
}

export const stepMs: Readonly<Record<SeriesStep, number>> = { minute: minuteMs, hour: hourMs, day: dayMs };
