import { type SeriesStep, seriesSteps } from '../domain/series.ts';
import { hourMs } from '../domain/time.ts';
import { addLatencies, folds, foldUntil, latencyHoursUntil } from './folding.ts';
import type { ChosenEndpoint } from './rows.ts';
import { type LatencyRow, type SeriesQuery, type SeriesRow, type SeriesSource, stepMs } from './series.ts';

// How both adapters read series: which endpoints are read as one, and which keys stand alone.

const fineFrom = (table: string, step: SeriesStep, now: number): number => {
  const fold = folds.find((one) => one.table === table && one.per * one.unitMs > stepMs[step]);
  return fold === undefined ? 0 : foldUntil(fold, now) * fold.unitMs;
};

/** The finest step in which what was accepted since then is still counted. */
export function finestStep(source: SeriesSource, since: number, now: number): SeriesStep {
  const isKept: Record<SeriesStep, boolean> = {
    minute: source === 'counts' && since >= fineFrom('counters', 'minute', now),
    hour:
      source === 'counts'
        ? since >= fineFrom('ledger', 'hour', now)
        : source === 'failures'
          ? since >= fineFrom('failures', 'hour', now)
          : since >= latencyHoursUntil(now) * hourMs,
    day: true,
  };
  return seriesSteps.find((step) => isKept[step])!;
}

/** Endpoints that have the same key and the same deadline are read as one. */
export interface SeriesGroups {
  readonly groups: readonly Pick<SeriesRow, 'key' | 'isOthers' | 'deliverWithinMs'>[];
  /** Pairs of an endpoint's number and its group's place. */
  readonly members: readonly (readonly [num: number, group: number])[];
}

export type SeriesEndpoint = ChosenEndpoint & { readonly deliverWithinMs: number };

const keyOf = ({ id, owner }: SeriesEndpoint, by: SeriesQuery['by']): string | null =>
  by === 'endpoint' ? id : by === 'owner' ? owner : null;

/** `alone`: keys that stand alone; null: all. */
export function seriesGroups(
  endpoints: readonly SeriesEndpoint[],
  by: SeriesQuery['by'],
  alone: ReadonlySet<string | null> | null,
): SeriesGroups {
  const places = new Map<string, number>();
  const groups: SeriesGroups['groups'][number][] = [];
  const members = endpoints.map((endpoint): readonly [number, number] => {
    const { deliverWithinMs } = endpoint;
    const own = keyOf(endpoint, by);
    const isOthers = alone !== null && !alone.has(own);
    const key = isOthers ? null : own;
    const name = JSON.stringify([key, isOthers, deliverWithinMs]);
    let place = places.get(name);
    if (place === undefined) {
      place = groups.length;
      places.set(name, place);
      groups.push({ key, isOthers, deliverWithinMs });
    }
    return [endpoint.num, place];
  });
  return { groups, members };
}

/** Keys by their size, in descending order; the first ones stand alone if there are too many. */
export function ranked(
  sizes: ReadonlyMap<string | null, number>,
  maxSeries: number,
): { readonly alone: readonly (string | null)[]; readonly others: number } {
  const keys = [...sizes]
    .toSorted(([a, sizeA], [b, sizeB]) => sizeB - sizeA || ((a ?? '') < (b ?? '') ? -1 : 1))
    .map(([key]) => key);
  const alone = keys.length <= maxSeries ? keys : keys.slice(0, maxSeries - 1);
  return { alone, others: keys.length - alone.length };
}

/** The sizes of groups, added up by key: of every key, also of one that has nothing. */
export function sizesByKey(
  { groups }: SeriesGroups,
  sizes: Iterable<readonly [group: number, size: number]>,
): ReadonlyMap<string | null, number> {
  const sums = new Map(groups.map(({ key }) => [key, 0]));
  for (const [group, size] of sizes) {
    const { key } = groups[group]!;
    sums.set(key, sums.get(key)! + size);
  }
  return sums;
}

/** A day's histograms, a JSON array of objects of counts by bucket, added up: a row for each bucket. */
export const countsOfDay = (place: SeriesRow, histograms: string): LatencyRow[] =>
  addLatencies([], [histograms]).map((counted) => ({ ...place, ...counted }));
