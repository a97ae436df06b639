import type { CounterRange, TypeCounters } from './accounting.ts';
import { minuteMs } from '../domain/time.ts';

/** Deliveries that dead letters hold: how many of an endpoint and type were accepted in a minute. */
export interface HeldCount {
  readonly endpointId: string;
  readonly eventType: string;
  /** Since the epoch. */
  readonly minute: number;
  readonly count: number;
}

/** Adds to the counters of each range what of it is held now. */
export function withHeld(
  counters: readonly (readonly TypeCounters[])[],
  ranges: readonly CounterRange[],
  held: readonly HeldCount[],
): (readonly TypeCounters[])[] {
  if (held.length === 0) return [...counters];
  return counters.map((ofRange, index) => {
    const { endpointId, since, until } = ranges[index]!;
    const from = Math.floor(since / minuteMs);
    const to = Math.floor(until / minuteMs);
    const mine = held.filter((one) => one.endpointId === endpointId && one.minute >= from && one.minute < to);
    if (mine.length === 0) return ofRange;
    return ofRange.map((counted) => ({
      ...counted,
      held: mine.reduce((sum, one) => sum + (one.eventType === counted.eventType ? one.count : 0), 0),
    }));
  });
}
