import type { ScopedObjective } from '../domain/objective.ts';
import { dayMs, hourMs, minuteMs } from '../domain/time.ts';
import { type CounterGrid, counterGrid } from '../store/folding.ts';
import type { CounterRange } from '../store/accounting.ts';
import { dueUntil } from './objective-counts.ts';

/** The window of an objective by time of acceptance, as its counters store it. */
export interface ObjectiveWindow {
  readonly since: number;
  readonly until: number;
  /** How fine the counters are at its beginning. */
  readonly resolution: 'minute' | 'hour' | 'day';
  /** From when there is something to count: later than `since` while the objective's first endpoint is new. */
  readonly knownSince: number;
}

/** Each endpoint's own window is shifted back by the endpoint's deadline, so that everything in it is past it. */
export function objectiveRanges(
  { endpoints, windowMs }: Pick<ScopedObjective, 'endpoints' | 'windowMs'>,
  now: number,
): (CounterRange & { readonly deliverWithinMs: number })[] {
  return endpoints.map(({ id, deliverWithinMs }) => {
    const until = dueUntil(now, deliverWithinMs);
    return { endpointId: id, deliverWithinMs, since: until - windowMs, until };
  });
}

/** Daily or hourly counters that a window would cut are left out: its beginning moves forward by this much. */
function countedFrom(since: number, { minutesFrom, hoursFrom }: CounterGrid): number {
  const unitMs = since < hoursFrom ? dayMs : since < minutesFrom ? hourMs : minuteMs;
  return Math.ceil(since / unitMs) * unitMs;
}

export function objectiveWindow(objective: ScopedObjective, now: number): ObjectiveWindow {
  const ranges = objectiveRanges(objective, now);
  const until = ranges.reduce((latest, range) => Math.max(latest, range.until), 0) || dueUntil(now, 0);
  const asked = ranges.reduce(
    (earliest, range) => Math.min(earliest, range.since),
    until - objective.windowMs,
  );
  const grid = counterGrid(now);
  const since = Math.min(until, countedFrom(asked, grid));
  const first = objective.endpoints.reduce((at, { createdAt }) => Math.min(at, createdAt), until);
  return {
    since,
    until,
    resolution: asked < grid.hoursFrom ? 'day' : asked < grid.minutesFrom ? 'hour' : 'minute',
    knownSince: Math.max(since, first),
  };
}
