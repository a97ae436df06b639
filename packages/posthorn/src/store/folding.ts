import type { AccountingQuery } from './accounting.ts';
import { ledgerColumns, typeCounterColumns } from './rows.ts';
import { dayMs, hourMs, minuteMs } from '../domain/time.ts';
import { worthColumns } from './worth.ts';

// Counters are kept fine while they are young and coarse when they are old, so that any window over months is read in
// milliseconds: measured with 10,000,000 deliveries over 90 days (bench/accounting.ts). Every sum stays as it was.

/** Burn rates over up to six hours are read by the minute. */
const minutesKeptMs = 8 * hourMs;
/** Windows of up to a week are read by the hour; beyond, by the day (UTC). */
const hoursKeptMs = 8 * dayMs;
/** Percentiles by the hour; older ones are a histogram by the day. */
const latencyHoursKeptMs = 26 * hourMs;

export interface Fold {
  readonly table: 'counters' | 'ledger' | 'event_ledger' | 'failures' | 'worth';
  /** The column of time, whose rows that are not a multiple of `per` become one with the multiple before them. */
  readonly time: 'minute' | 'hour';
  readonly unitMs: number;
  readonly per: number;
  readonly ageMs: number;
  readonly keys: readonly string[];
  readonly sums: readonly string[];
}

const counters = {
  table: 'counters',
  time: 'minute',
  unitMs: minuteMs,
  keys: ['endpoint', 'type'],
  sums: typeCounterColumns,
} as const;
const hourly = { time: 'hour', unitMs: hourMs, per: 24, ageMs: hoursKeptMs } as const;

export const folds: readonly Fold[] = [
  { ...counters, per: 60, ageMs: minutesKeptMs },
  { ...counters, per: 1440, ageMs: hoursKeptMs },
  { ...hourly, table: 'ledger', keys: ['endpoint'], sums: ledgerColumns },
  { ...hourly, table: 'event_ledger', keys: ['tenant', 'type'], sums: ['events', 'unmatched'] },
  { ...hourly, table: 'failures', keys: ['endpoint', 'type', 'class'], sums: ['count'] },
  { ...hourly, table: 'worth', keys: ['endpoint', 'currency'], sums: worthColumns },
];

/** Rows before this, in the fold's own unit, are folded. */
export function foldUntil({ unitMs, per, ageMs }: Fold, now: number): number {
  return Math.floor((now - ageMs) / unitMs / per) * per;
}

/** Counts by type and time stand at least so fine from these times on (ms since the epoch). */
export interface CounterGrid {
  readonly minutesFrom: number;
  /** Before: by the day. */
  readonly hoursFrom: number;
}

export function counterGrid(now: number): CounterGrid {
  const [minutes, hours] = folds;
  return { minutesFrom: foldUntil(minutes!, now) * minuteMs, hoursFrom: foldUntil(hours!, now) * minuteMs };
}

/** Latencies of hours before this (hours since the epoch) stand by the day. */
export function latencyHoursUntil(now: number): number {
  return Math.floor((now - latencyHoursKeptMs) / hourMs);
}

/** Counters of hours before this (hours since the epoch) stand by the day. */
function daysUntil(now: number): number {
  return Math.floor((now - hoursKeptMs) / hourMs / 24) * 24;
}

/** A window as counters are kept: from the first to the last hour, both included. Old ones are widened to whole days. */
export function hoursOf({ since, until, now }: Pick<AccountingQuery, 'since' | 'until' | 'now'>): {
  readonly from: number;
  readonly to: number;
} {
  const byDay = daysUntil(now);
  const widened = (hour: number, end: number): number =>
    hour < byDay ? Math.floor(hour / 24) * 24 + end : hour;
  return {
    from: since === null ? 0 : widened(Math.floor(since / hourMs), 0),
    // As far as minutes still are 32-bit numbers.
    to: until === null ? 35_000_000 : widened(Math.floor((until - 1) / hourMs), 23),
  };
}

/** Both bounds as they are counted; null: none. */
export interface CountedWindow {
  readonly since: number | null;
  readonly until: number | null;
  /** To which of these a bound is rounded outward. */
  readonly resolution: 'hour' | 'day';
}

export function countedWindow(query: Pick<AccountingQuery, 'since' | 'until' | 'now'>): CountedWindow {
  const { from, to } = hoursOf(query);
  const since = query.since === null ? null : from * hourMs;
  const until = query.until === null ? null : (to + 1) * hourMs;
  const byDay = daysUntil(query.now) * hourMs;
  const isDay = (since !== null && since < byDay) || (until !== null && until <= byDay);
  return { since, until, resolution: isDay ? 'day' : 'hour' };
}

const codeOf = (character: string): number => character.charCodeAt(0);
const codes = {
  zero: codeOf('0'),
  nine: codeOf('9'),
  colon: codeOf(':'),
  comma: codeOf(','),
  end: codeOf('}'),
};

/**
 * Adds what JSON objects of counts by bucket say, as in `[{"32":16,"34":4},{"32":1}]`. Parsed, most of the time went to walking objects of
 * such keys: 72 ms instead of 17 for the days of a month, 100 endpoints and 4 types each.
 */
function addObjects(sums: number[], text: string): void {
  let [bucket, number] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= codes.zero && code <= codes.nine) number = number * 10 + code - codes.zero;
    else if (code === codes.colon) [bucket, number] = [number, 0];
    else if (code === codes.comma || code === codes.end) {
      if (number > 0) sums[bucket] = (sums[bucket] ?? 0) + number;
      number = 0;
    }
  }
}

/** Histograms of hours and days, added up: `hours` are JSON arrays of buckets and of their counts, `days` of objects of counts by bucket. */
export function addLatencies(
  hours: readonly (readonly [buckets: string, counts: string])[],
  days: readonly string[],
): { readonly bucket: number; readonly count: number }[] {
  const sums: number[] = [];
  for (const [buckets, counts] of hours) {
    const counted = JSON.parse(counts) as number[];
    for (const [at, bucket] of (JSON.parse(buckets) as number[]).entries())
      sums[bucket] = (sums[bucket] ?? 0) + counted[at]!;
  }
  for (const day of days) addObjects(sums, day);
  const found: { readonly bucket: number; readonly count: number }[] = [];
  // Buckets without a count are holes, which are left out.
  sums.forEach((count, bucket) => found.push({ bucket, count }));
  return found;
}
