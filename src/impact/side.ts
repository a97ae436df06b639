/** Money of one currency, a week; minor units, not rounded. */
export interface WeeklyLoss {
  readonly currency: string;
  readonly amountMinor: number;
  /** 95 %. */
  readonly interval: readonly [number, number];
  /** Lost events with an amount in this currency, over the whole side. */
  readonly events: number;
}

/** One side of the comparison: a time before the change, or after it, as a log or a Posthorn's own books tell it. */
export interface Side {
  readonly label: string;
  /** ms since the epoch. */
  readonly from: number;
  readonly until: number;
  /** Obligations whose end is known: unresolved ones are not among them. */
  readonly judged: number;
  readonly unresolved: number;
  readonly silentlyDropped: number;
  readonly acknowledgedUnprocessed: number;
  readonly givenUp: number;
  readonly late: number;
  readonly weekly: readonly WeeklyLoss[];
  /** Shares of traffic: events by endpoint, by type, by part of the week (blocks of six hours, UTC). Empty where unknown. */
  readonly endpoints: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, number>;
  readonly hoursOfWeek: ReadonlyMap<string, number>;
  /** The first loss that is known, ms since the epoch; null: none. */
  readonly firstLostAt: number | null;
  /** What has to be said about where this comes from. */
  readonly notes: readonly string[];
}

export const lostOf = ({ silentlyDropped, acknowledgedUnprocessed }: Side): number =>
  silentlyDropped + acknowledgedUnprocessed;

const weekMs = 7 * 86_400_000;
export const weeksOf = ({ from, until }: Pick<Side, 'from' | 'until'>): number => (until - from) / weekMs;
