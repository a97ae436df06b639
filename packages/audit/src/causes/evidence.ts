import { count } from 'posthorn/report';
import type { Marker } from '../markers.ts';
import type { AuditResult } from '../result.ts';
import type { Habits } from '../sender.ts';
import type { Table } from '../statistics.ts';

/** A stretch of time in which an endpoint failed at nearly all of what was sent; ms since the epoch. */
export interface Outage {
  readonly endpoint: string;
  readonly from: number;
  readonly to: number;
}

/** What the sentence about a cause can speak of. */
export interface Evidence {
  /** Events of the cause. */
  readonly events: number;
  readonly habits: Habits;
  readonly table: Table | null;
  readonly onset: AuditResult['onset'];
  readonly markers: readonly Marker[];
  readonly outages: readonly Outage[];
  /** Of the events: with another attempt promised, never attempted, left under way. */
  readonly promised: number;
  readonly neverTried: number;
  readonly leftOpen: number;
  /** Of the events: tried again sooner than the receiver had asked for. */
  readonly tooSoon: number;
  readonly minBytes: number | null;
  readonly endpoint: string | null;
  readonly endpoints: number;
  readonly statusCode: number | null;
  readonly eventType: string | null;
  /** All that failed, whatever became of it. */
  readonly allFailed: number;
}

export const percent = (share: number): string => `${(share * 100).toPrecision(3)} %`;
export const seconds = (ms: number): string => `${Number((ms / 1000).toPrecision(4))} s`;

/** " Of events that failed and show it … were lost, of the others …." */
export function contrast({ table }: Evidence): string {
  if (table === null) return '';
  const [[a, b], [c, d]] = table;
  return ` Of events that failed and show it ${percent(a / Math.max(1, a + b))} were lost (${count(a)} of ${count(a + b)}), of the others ${percent(c / Math.max(1, c + d))} (${count(c)} of ${count(c + d)}).`;
}
