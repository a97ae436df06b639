import type { Answer, Input } from '../contract/table.ts';
import { faultDomain } from '../domain/attempt.ts';
import { invalid } from '../domain/errors.ts';
import { maxSeriesPoints, type SeriesMeasure, type SeriesStep, seriesSteps } from '../domain/series.ts';
import { dayMs, hourMs, iso } from '../domain/time.ts';
import {
  type FailuresRow,
  type SeriesAnswer,
  type SeriesQuery,
  type SeriesRow,
  type SeriesSource,
  stepMs,
} from '../store/series.ts';
import { finestStep } from '../store/series-groups.ts';
import { tenantsFrom } from './delivery-filter.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { countsPoint, inTimePoint, latencyPoint, seriesPoints, type SeriesWindow } from './series-points.ts';

type Query = Input<'series.get'>['query'];
type OneSeries = Answer<'series.get'>['series'][number];

/** By default a chart has as many points as a screen can distinguish, and a few series. */
const minutesUpTo = 3 * hourMs;
const hoursUpTo = 8 * dayMs;

const measureSource = (measure: SeriesMeasure): SeriesSource => (measure === 'in_time' ? 'counts' : measure);

/** The window in whole steps: as requested, or coarser if counters are or points would be too many. */
export function seriesWindow(
  query: Pick<Query, 'since' | 'until' | 'measure' | 'step'>,
  now: number,
): SeriesWindow {
  const until = query.until === undefined ? now : Date.parse(query.until);
  const since = query.since === undefined ? until - dayMs : Date.parse(query.since);
  if (since >= until) throw invalid('since', 'must be before until');
  const wanted: SeriesStep =
    query.step !== 'auto'
      ? query.step
      : until - since <= minutesUpTo
        ? 'minute'
        : until - since <= hoursUpTo
          ? 'hour'
          : 'day';
  for (const step of seriesSteps.slice(seriesSteps.indexOf(wanted))) {
    const length = stepMs[step];
    const window = {
      since: Math.floor(since / length) * length,
      until: Math.ceil(until / length) * length,
      step,
    };
    const finest = finestStep(measureSource(query.measure), window.since, now);
    if (seriesSteps.indexOf(finest) > seriesSteps.indexOf(step)) continue;
    if ((window.until - window.since) / length <= maxSeriesPoints) return window;
  }
  throw invalid('since', `must be at most ${maxSeriesPoints.toLocaleString('en-US')} days before until`);
}

/** Returns counters as time series. */
export function seriesService({ store, clock }: ServiceDependencies): Handlers<Of<'series'>> {
  return {
    'series.get': async ({ query: asked }) => {
      const { measure, by, tenant, endpoint_id: references } = asked;
      const isOfFailures = by === 'error_class' || by === 'fault_domain';
      if (isOfFailures && measure !== 'failures') throw invalid('by', `${by} requires measure=failures`);
      const now = clock.now();
      const window = seriesWindow(asked, now);
      const points = (window.until - window.since) / stepMs[window.step];
      const query: SeriesQuery = {
        ...tenantsFrom(tenant, references !== undefined),
        ...window,
        endpointIds: references === undefined ? null : await endpointIdsFrom(store.read, references, tenant),
        eventTypes: asked.event_type ?? null,
        owners: asked.owner ?? null,
        now,
        by: by === 'fault_domain' ? 'error_class' : by,
        maxSeries: Math.max(1, Math.floor(maxSeriesPoints / points)),
      };
      const series = async (): Promise<OneSeries[]> => {
        if (measure === 'failures') {
          const all = {
            ...query,
            maxSeries: by === 'fault_domain' ? Number.MAX_SAFE_INTEGER : query.maxSeries,
          };
          const answer = await store.read.failureSeries(all);
          return toSeries(by === 'fault_domain' ? byFault(answer) : answer, (rows) =>
            seriesPoints(window, rows, now, (here) => ({
              failures: here.reduce((sum, { count }) => sum + count, 0),
            })),
          );
        }
        if (measure === 'latency')
          return toSeries(await store.read.latencySeries(query), (rows) =>
            seriesPoints(window, rows, now, latencyPoint),
          );
        const point = measure === 'counts' ? countsPoint : inTimePoint;
        return toSeries(await store.read.countSeries(query), (rows) =>
          seriesPoints(window, rows, now, point),
        );
      };
      return {
        measure,
        by,
        window: { since: iso(window.since), until: iso(window.until), step: window.step },
        series: await series(),
      };
    },
  };
}

/** Error classes, added up by who is at fault. */
function byFault({ rows }: SeriesAnswer<FailuresRow>): SeriesAnswer<FailuresRow> {
  return {
    keys: ['sender', 'receiver'],
    others: 0,
    rows: rows.map((row) => ({ ...row, key: row.errorClass === null ? null : faultDomain(row.errorClass) })),
  };
}

function toSeries<Row extends SeriesRow>(
  { keys, others, rows }: SeriesAnswer<Row>,
  points: (rows: readonly Row[]) => OneSeries['points'],
): OneSeries[] {
  const byKey = Map.groupBy(
    rows.filter(({ isOthers }) => !isOthers),
    ({ key }) => key,
  );
  const alone = keys.map((key) => ({ key, others: 0, points: points(byKey.get(key) ?? []) }));
  if (others === 0) return alone;
  return [...alone, { key: null, others, points: points(rows.filter(({ isOthers }) => isOthers)) }];
}
