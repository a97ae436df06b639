import type { ErrorClass } from '../../domain/attempt.ts';
import { hourMs, minuteMs } from '../../domain/time.ts';
import { counterColumns, countersFrom } from '../rows.ts';
import { countsOfDay, ranked, seriesGroups, type SeriesGroups, sizesByKey } from '../series-groups.ts';
import {
  type CountsRow,
  type LatencyRow,
  type Series,
  type SeriesAnswer,
  type SeriesQuery,
  type SeriesRow,
  stepMs,
} from '../series.ts';
import { chooseEndpoints } from './accounting.ts';
import { addSums, type CounterSums, sumCountersUpTo } from './counter-sums.ts';
import { counterShards, dayShards, ofTypes, sum, counterSums } from './counters.ts';
import { membersIn, sumHistograms } from './histograms.ts';
import { type Cold, snapshot } from './methods.ts';
import { inOrder, isAnyOf, table } from './pieces.ts';
import { joined, raw, type Row, type Sql, sql } from './sql.ts';
import { rows, type Steps } from './steps.ts';

/** A table of counters, and what of it is read: sums, and columns that are not sums. */
interface Source {
  readonly table: 'ledger' | 'counters' | 'failures' | 'latency' | 'latency_days';
  readonly time: 'minute' | 'hour' | 'day';
  /** The row's own column that is the key; null: the key is its endpoint's. */
  readonly own: 'type' | 'class' | null;
  readonly plain: readonly Sql[];
  readonly sums: Sql;
  /** The sum by which keys are ranked. */
  readonly size: Sql;
}

const counts = { plain: [], sums: counterSums, size: sum('l.accepted') } as const;
const counted = { sums: sum('l.count'), size: sum('l.count') } as const;

/** By type there are many more rows: only who asks for types, or for minutes, reads them. */
const countsSource = ({ by, eventTypes, step }: SeriesQuery): Source =>
  by !== 'event_type' && eventTypes === null && step !== 'minute'
    ? { table: 'ledger', time: 'hour', own: null, ...counts }
    : { table: 'counters', time: 'minute', own: by === 'event_type' ? 'type' : null, ...counts };

const failuresSource = ({ by }: SeriesQuery): Source => ({
  table: 'failures',
  time: 'hour',
  own: by === 'event_type' ? 'type' : by === 'error_class' ? 'class' : null,
  plain: [by === 'error_class' ? raw('l.class') : raw('CAST(NULL AS text)')],
  ...counted,
});

const latencySource = ({ by }: SeriesQuery): Source => ({
  table: 'latency',
  time: 'hour',
  own: by === 'event_type' ? 'type' : null,
  plain: [raw('l.bucket')],
  ...counted,
});

const latencyDaysSource = (query: SeriesQuery): Source => ({
  ...latencySource(query),
  table: 'latency_days',
  time: 'day',
  plain: [],
  sums: raw(`'[' || string_agg(CAST(l.counts AS text), ',') || ']'`),
});

function from(source: Source, { since, until, eventTypes }: SeriesQuery): Sql {
  const unit = stepMs[source.time];
  const time = raw(`l.${source.time}`);
  const shards = source.table === 'latency_days' ? dayShards : counterShards('l');
  return sql`FROM n ${inOrder} ${table(source.table)} l ON ${shards} AND l.endpoint = n.num
     AND ${time} >= ${Math.floor(since / unit)} AND ${time} < ${Math.ceil(until / unit)}
     WHERE ${(source.table === 'ledger' ? null : ofTypes('l.type', eventTypes)) ?? raw('true')}`;
}

const maxKeysCounted = 10_000;

interface Chosen {
  readonly groups: SeriesGroups;
  readonly alone: readonly (string | null)[];
  readonly others: number;
}

/** Which keys stand alone, by the size of a source. */
function* choose(query: SeriesQuery, source: Source): Steps<Chosen> {
  const { by, maxSeries } = query;
  const endpoints = yield* chooseEndpoints(query);
  const groups = seriesGroups(endpoints, by, null);
  if (by === 'none') return { groups, alone: [null], others: 0 };
  const { own, size } = source;
  const sizes = yield* rows(
    sql`${membersIn(groups.members)} SELECT ${raw(own === null ? 'n.place' : `l.${own}`)}, ${size} ${from(source, query)}
      GROUP BY 1 ORDER BY 2 DESC LIMIT ${raw(String(maxKeysCounted))}`,
  );
  const { alone, others } = ranked(
    own === null
      ? sizesByKey(groups, sizes as unknown as [number, number][])
      : new Map(sizes as unknown as [string, number][]),
    maxSeries,
  );
  return {
    groups: own === null && others > 0 ? seriesGroups(endpoints, by, new Set(alone)) : groups,
    alone,
    others,
  };
}

/** Rows with what the source reads behind their place in the series. */
function* read(
  query: SeriesQuery,
  source: Source,
  { groups, alone, others }: Chosen,
): Steps<[SeriesRow, Row][]> {
  const { own, plain, time } = source;
  const { step } = query;
  const key =
    own === null
      ? raw('CAST(NULL AS text)')
      : others > 0
        ? sql`CASE WHEN ${isAnyOf(
            `l.${own}`,
            alone.flatMap((one) => one ?? []),
            'text',
          )} THEN l.${raw(own)} END`
        : raw(`l.${own}`);
  const places = Array.from({ length: 3 + plain.length }, (_, at) => at + 1).join(', ');
  const found = yield* rows(
    sql`${membersIn(groups.members)} SELECT n.place, ${key}, l.${raw(`${time} / ${stepMs[step] / stepMs[time]}`)}, ${joined([...plain, source.sums], ', ')}
      ${from(source, query)} GROUP BY ${raw(places)}`,
  );
  return found.map((row) => {
    const group = groups.groups[row[0] as number]!;
    const ofKey = own === null ? group : { key: row[1] as string | null, isOthers: row[1] === null };
    const at = (row[2] as number) * stepMs[step];
    return [{ ...ofKey, at, deliverWithinMs: group.deliverWithinMs }, row.slice(3)];
  });
}

/** Histograms of hours, added up by series, time and bucket. */
function* readHistograms(query: SeriesQuery, chosen: Chosen): Steps<LatencyRow[]> {
  const source = latencySource(query);
  if (source.own !== null)
    return (yield* read(query, source, chosen)).map(([place, [bucket, count]]) => ({
      ...place,
      bucket: bucket as number,
      count: count as number,
    }));
  const { groups, members } = chosen.groups;
  const found = yield* sumHistograms({
    members,
    since: Math.floor(query.since / hourMs),
    until: Math.ceil(query.until / hourMs),
    step: stepMs[query.step] / hourMs,
    eventTypes: query.eventTypes,
  });
  return found.map(({ place, step, bucket, count }) => ({
    ...groups[place]!,
    at: step * stepMs[query.step],
    bucket,
    count,
  }));
}

/** With 100 endpoints and 20 types, a week by the hour has 3,400. */
const maxSumsAtOnce = 50_000;

/** Counts by type in one reading, which also ranks the types; null: there are too many sums. */
function* countTypes(query: SeriesQuery): Steps<SeriesAnswer<CountsRow> | null> {
  const { by, since, until, step, eventTypes, maxSeries } = query;
  const { groups, members } = seriesGroups(yield* chooseEndpoints(query), by, null);
  const found = yield* sumCountersUpTo(maxSumsAtOnce, {
    ranges: members.map(([num, place]) => ({
      place,
      num,
      since: Math.floor(since / minuteMs),
      until: Math.ceil(until / minuteMs),
    })),
    columns: counterColumns,
    step: stepMs[step] / minuteMs,
    byType: true,
    eventTypes,
  });
  if (found === null) return null;
  const sizes = new Map<string | null, number>();
  for (const { eventType, sums } of found) sizes.set(eventType, (sizes.get(eventType) ?? 0) + sums[0]!);
  const { alone, others } = ranked(sizes, maxSeries);
  const standsAlone = new Set(alone);
  const isOfOthers = ({ eventType }: CounterSums): boolean => !standsAlone.has(eventType);
  const ofOthers = Map.groupBy(found.filter(isOfOthers), ({ place, step: at }) => `${place} ${at}`);
  const rowFrom = ({ place, step: at, eventType, sums }: CounterSums, isOthers: boolean): CountsRow => ({
    key: eventType,
    isOthers,
    at: at * stepMs[step],
    deliverWithinMs: groups[place]!.deliverWithinMs,
    ...countersFrom(sums, 0),
  });
  return {
    keys: alone,
    others,
    rows: [
      ...found.filter((one) => !isOfOthers(one)).map((one) => rowFrom(one, false)),
      ...[...ofOthers.values()].map((some) => rowFrom({ ...some.reduce(addSums), eventType: null }, true)),
    ],
  };
}

export const seriesListings: Cold<Series> = {
  countSeries: snapshot(function* (query) {
    const types = query.by === 'event_type' ? yield* countTypes(query) : null;
    if (types !== null) return types;
    const source = countsSource(query);
    const chosen = yield* choose(query, source);
    const found = yield* read(query, source, chosen);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: found.map(([place, row]) => ({ ...place, ...countersFrom(row, 0) })),
    };
  }),

  failureSeries: snapshot(function* (query) {
    const source = failuresSource(query);
    const chosen = yield* choose(query, source);
    const found = yield* read(query, source, chosen);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: found.map(([place, [errorClass, count]]) => ({
        ...place,
        errorClass: errorClass as ErrorClass | null,
        count: count as number,
      })),
    };
  }),

  latencySeries: snapshot(function* (query) {
    const chosen = yield* choose(query, countsSource(query));
    const hours = yield* readHistograms(query, chosen);
    const days = query.step === 'day' ? yield* read(query, latencyDaysSource(query), chosen) : [];
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: [...hours, ...days.flatMap(([place, [histograms]]) => countsOfDay(place, histograms as string))],
    };
  }),
};
