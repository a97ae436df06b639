import type { ErrorClass } from '../domain/attempt.ts';
import type { HeldCount } from './held.ts';
import type { Money, CounterRange, TypeCounters } from './accounting.ts';
import { dayMs, minuteMs } from '../domain/time.ts';

// The part of the store's port that answers what objectives ask of the past: counters by time, and the worth of what was missed.

/** Counts of one endpoint and type in one step of time. */
export interface StepCounters extends TypeCounters {
  readonly endpointId: string;
  /** The beginning of the step, ms since the epoch. */
  readonly at: number;
}

/** Failed attempts of one endpoint's deliveries, by the UTC day on which they were accepted. */
export interface DayFailures {
  readonly endpointId: string;
  /** Its beginning, ms since the epoch. */
  readonly day: number;
  readonly eventType: string;
  readonly errorClass: ErrorClass;
  readonly count: number;
}

/** Deliveries of a range that missed their deadline are asked for. */
export interface MissedRange extends CounterRange {
  readonly deliverWithinMs: number;
}

/** What deliveries are worth that missed their deadline, of one endpoint, type, UTC day of acceptance, side and currency. */
export interface MissedWorth extends Money {
  readonly endpointId: string;
  readonly eventType: string;
  readonly day: number;
  /** No attempt of them has failed, and nothing held them: they wait for the sender. */
  readonly ofSender: boolean;
}

export interface MissedWorthAnswer {
  readonly worth: readonly MissedWorth[];
  readonly rowsRead: number;
  /** False: there are more rows than may be read; the newest were. */
  readonly complete: boolean;
}

export interface ObjectiveReadings {
  /**
   * Counters by type and step, of types that one of these patterns matches, if they are given. Steps are multiples of `stepMinutes` since the epoch; counters that are kept coarser stand at the
   * beginning of their hour or day.
   */
  counterSteps(
    ranges: readonly CounterRange[],
    stepMinutes: number,
    eventTypes?: readonly string[] | null,
  ): Promise<readonly StepCounters[]>;
  failureDays(ranges: readonly CounterRange[]): Promise<readonly DayFailures[]>;
  /**
   * From rows, the newest first and at most `limit` of them: dead, suppressed, pending past the deadline, and delivered late
   * after a failed attempt. Deliveries that were late at their first attempt are in no index and are not among them.
   */
  missedWorth(ranges: readonly MissedRange[], now: number, limit: number): Promise<MissedWorthAnswer>;
}

/** Steps with what of them is held now. A step that stands coarser than it was asked for takes what comes before the next one. */
export function stepsWithHeld(
  steps: readonly StepCounters[],
  held: readonly HeldCount[],
): readonly StepCounters[] {
  if (held.length === 0) return steps;
  const keyOf = (one: { readonly endpointId: string; readonly eventType: string }): string =>
    `${one.endpointId} ${one.eventType}`;
  const byKey = Map.groupBy(steps, keyOf);
  const extra = new Map<StepCounters, number>();
  for (const one of held) {
    const { minute, count } = one;
    let latest: StepCounters | undefined;
    for (const step of byKey.get(keyOf(one)) ?? [])
      if (step.at <= minute * minuteMs && step.at > (latest?.at ?? -1)) latest = step;
    if (latest !== undefined) extra.set(latest, (extra.get(latest) ?? 0) + count);
  }
  return steps.map((step) => {
    const more = extra.get(step);
    return more === undefined ? step : { ...step, held: step.held + more };
  });
}

/** endpoint id, type, day (since the epoch), of the sender (0 or 1), currency, sum (text), events */
export function missedWorthOf(row: readonly (string | number | bigint | boolean | null)[]): MissedWorth {
  return {
    endpointId: row[0] as string,
    eventType: row[1] as string,
    day: Number(row[2]) * dayMs,
    ofSender: Number(row[3]) === 1,
    currency: row[4] as string,
    amountMinor: BigInt(row[5] as string),
    events: Number(row[6]),
  };
}
