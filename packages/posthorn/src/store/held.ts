import type { TallyRange, TypeTally } from './accounting.ts';
import { minuteMs } from '../domain/time.ts';

/** Deliveries that dead letters hold: how many of an endpoint and type were accepted in a minute. */
export interface HeldCount {
  readonly endpointId: string;
  readonly eventType: string;
  /** Since the epoch. */
  readonly minute: number;
  readonly count: number;
}

/** Adds to the tallies of each range what of it is held now. */
export function withHeld(
  tallies: readonly (readonly TypeTally[])[],
  ranges: readonly TallyRange[],
  held: readonly HeldCount[],
): (readonly TypeTally[])[] {
  if (held.length === 0) return [...tallies];
  return tallies.map((ofRange, index) => {
    const { endpointId, since, until } = ranges[index]!;
    const from = Math.floor(since / minuteMs);
    const to = Math.floor(until / minuteMs);
    const mine = held.filter((one) => one.endpointId === endpointId && one.minute >= from && one.minute < to);
    if (mine.length === 0) return ofRange;
    return ofRange.map((tally) => ({
      ...tally,
      held: mine.reduce((sum, one) => sum + (one.eventType === tally.eventType ? one.count : 0), 0),
    }));
  });
}
