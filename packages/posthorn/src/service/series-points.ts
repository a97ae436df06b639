import type { Answer } from '../contract/table.ts';
import { latencyQuantile } from '../domain/latency.ts';
import type { SeriesStep } from '../domain/series.ts';
import { wilson } from '../domain/statistics.ts';
import { iso } from '../domain/time.ts';
import type { CountsRow, LatencyRow, SeriesRow } from '../store/series.ts';
import { stepMs } from '../store/series.ts';

type Point = Answer<'series.get'>['series'][number]['points'][number];

/** A window of whole steps. */
export interface SeriesWindow {
  readonly since: number;
  readonly until: number;
  readonly step: SeriesStep;
}

/** Zero-filled: one point for each step, from the rows of one series. */
export function seriesPoints<Row extends SeriesRow>(
  { since, until, step }: SeriesWindow,
  rows: readonly Row[],
  now: number,
  of: (rows: readonly Row[], isOpen: (row: Row) => boolean) => Omit<Point, 'at' | 'open'>,
): Point[] {
  const byTime = Map.groupBy(rows, ({ at }) => at);
  const length = stepMs[step];
  return Array.from({ length: (until - since) / length }, (_, place) => {
    const at = since + place * length;
    const here = byTime.get(at) ?? [];
    const isOpen = ({ deliverWithinMs }: Row): boolean => at + length + deliverWithinMs > now;
    return { at: iso(at), open: at + length > now || here.some(isOpen), ...of(here, isOpen) };
  });
}

function sum<Row>(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

/** What has not ended, according to the counters. */
const pendingCount = ({ accepted, delivered, dead, cancelled, suppressed }: CountsRow): number =>
  Math.max(0, accepted - delivered - dead - cancelled - suppressed);

export const countsPoint = (rows: readonly CountsRow[]): Omit<Point, 'at' | 'open'> => ({
  accepted: sum(rows, ({ accepted }) => accepted),
  delivered: sum(rows, ({ delivered }) => delivered),
  pending: sum(rows, pendingCount),
  dead: sum(rows, ({ dead }) => dead),
  cancelled: sum(rows, ({ cancelled }) => cancelled),
  suppressed: sum(rows, ({ suppressed }) => suppressed),
  late: sum(rows, ({ late }) => late),
  first_attempts: sum(rows, ({ firstAttempts }) => firstAttempts),
  first_delivered: sum(rows, ({ firstAttemptDelivered }) => firstAttemptDelivered),
  superseded: sum(rows, ({ superseded }) => superseded),
});

/** Pending deliveries whose deadline may be ahead are not due yet; cancelled ones were stopped by an operator. */
export function inTimePoint(
  rows: readonly CountsRow[],
  isOpen: (row: CountsRow) => boolean,
): Omit<Point, 'at' | 'open'> {
  const due = sum(rows, (row) => row.accepted - row.cancelled - (isOpen(row) ? pendingCount(row) : 0));
  const inTime = sum(rows, ({ delivered, late }) => delivered - late);
  return {
    due,
    in_time: inTime,
    late: sum(rows, ({ late }) => late),
    dropped: sum(rows, ({ dead, suppressed }) => dead + suppressed),
    pending: sum(rows, pendingCount),
    in_time_interval: wilson(Math.min(inTime, due), due),
  };
}

export function latencyPoint(rows: readonly LatencyRow[]): Omit<Point, 'at' | 'open'> {
  const sums = new Map<number, number>();
  for (const { bucket, count } of rows) sums.set(bucket, (sums.get(bucket) ?? 0) + count);
  const histogram = [...sums].map(([bucket, count]) => ({ bucket, count }));
  return {
    delivered: sum(histogram, ({ count }) => count),
    p50: latencyQuantile(histogram, 0.5),
    p95: latencyQuantile(histogram, 0.95),
    p99: latencyQuantile(histogram, 0.99),
  };
}
