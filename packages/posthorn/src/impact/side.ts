import { hourMs } from '../domain/time.ts';

/** Money of one currency per week; minor units, not rounded. */
export interface WeeklyLoss {
  readonly currency: string;
  readonly amountMinor: number;
  /** 95%. */
  readonly interval: readonly [number, number];
  /** Lost events with an amount in this currency, over the whole side. */
  readonly events: number;
}

/** The exact value of payments, over the whole side. */
interface Worth {
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly events: number;
}

/** Events by part of the week, UTC: blocks of this many hours (6 or 24), Monday's first is '0'. Empty if unknown. */
export interface WeekParts {
  readonly hours: 6 | 24;
  readonly events: ReadonlyMap<string, number>;
}

/** One side of the comparison: a time before the change, or after it, from a log or from a Posthorn's own ledger. */
export interface Side {
  readonly label: string;
  /** ms since the epoch. */
  readonly from: number;
  readonly until: number;
  /** Obligations whose outcome is known: unresolved ones are not included. */
  readonly decided: number;
  readonly unresolved: number;
  readonly silentlyDropped: number;
  readonly acknowledgedUnprocessed: number;
  readonly givenUp: number;
  readonly late: number;
  /** Late events that are not decided yet: they have spent their part of the budget all the same. */
  readonly lateUnresolved: number;
  readonly weekly: readonly WeeklyLoss[];
  /** Events that were given up and recorded: known, so in no other sum. */
  readonly givenUpWorth: readonly Worth[];
  /** Shares of traffic: events by endpoint, by type. Empty if unknown. */
  readonly endpoints: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, number>;
  readonly weekParts: WeekParts;
  /** The first known loss, in ms since the epoch; null: none. */
  readonly firstLostAt: number | null;
  /** Notes on where the figures come from. */
  readonly notes: readonly string[];
}

export const lostCount = ({ silentlyDropped, acknowledgedUnprocessed }: Side): number =>
  silentlyDropped + acknowledgedUnprocessed;

const weekMs = 7 * 86_400_000;
export const weekCount = ({ from, until }: Pick<Side, 'from' | 'until'>): number => (until - from) / weekMs;

/** Events per week of a side, those without an outcome yet included. Less than an hour counts as one. */
export const weeklyVolume = (side: Side): number =>
  (side.decided + side.unresolved) / Math.max(weekCount(side), 1 / 168);

/** Counts at given times (ms since the epoch), by part of the week. */
export function weekPartsOf(
  counts: Iterable<{ readonly at: number; readonly events: number }>,
  hours: WeekParts['hours'],
): WeekParts {
  const events = new Map<string, number>();
  for (const { at, events: n } of counts) {
    // The epoch was a Thursday.
    const hourOfWeek = (Math.floor(at / hourMs) + 3 * 24) % (7 * 24);
    const part = String(Math.floor(hourOfWeek / hours));
    events.set(part, (events.get(part) ?? 0) + n);
  }
  return { hours, events };
}

/** The same by day: comparable with an older part of the ledger, or with the log of a long time. */
export function byDayOfWeek({ hours, events }: WeekParts): WeekParts {
  if (hours === 24) return { hours, events };
  const days = new Map<string, number>();
  for (const [part, n] of events) {
    const day = String(Math.floor(Number(part) / (24 / hours)));
    days.set(day, (days.get(day) ?? 0) + n);
  }
  return { hours: 24, events: days };
}
