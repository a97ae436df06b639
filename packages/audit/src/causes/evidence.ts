import { count, percent } from 'posthorn/report';
import type { Marker } from './markers.ts';
import type { AuditResult } from '../result.ts';
import type { Habits } from '../timeline/sender.ts';
import type { Table } from './statistics.ts';

/** A period in which an endpoint failed nearly every request; ms since the epoch. */
export interface Outage {
  readonly endpoint: string;
  readonly from: number;
  readonly to: number;
}

/** The facts that the sentence about a cause can use. */
export interface Evidence {
  /** Events with this cause. */
  readonly events: number;
  readonly habits: Habits;
  readonly table: Table | null;
  readonly onset: AuditResult['onset'];
  readonly markers: readonly Marker[];
  readonly outages: readonly Outage[];
  /** How many of the events had another attempt promised, were never attempted, have an attempt without an end. */
  readonly promised: number;
  readonly neverTried: number;
  readonly leftOpen: number;
  /** How many of the events were retried sooner than the receiver had asked for. */
  readonly tooSoon: number;
  readonly minBytes: number | null;
  readonly endpoint: string | null;
  readonly endpoints: number;
  readonly statusCode: number | null;
  readonly eventType: string | null;
  /** All events that failed at least once, whatever became of them. */
  readonly allFailed: number;
}

/** Returns " Of the failed events that show this, … were lost; of the others, …." */
export function contrast({ table }: Evidence): string {
  if (table === null) return '';
  const [[a, b], [c, d]] = table;
  return ` Of the failed events that show this, ${percent(a / Math.max(1, a + b))} were lost (${count(a)} of ${count(a + b)}); of the others, ${percent(c / Math.max(1, c + d))} (${count(c)} of ${count(c + d)}).`;
}
