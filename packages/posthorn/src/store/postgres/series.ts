import type { ErrorClass } from '../../domain/attempt.ts';
import { tallyColumns, tallyOf } from '../rows.ts';
import { countsOfDay, ranked, seriesGroups, type SeriesGroups, sizesByKey } from '../series-groups.ts';
import {
  type CountsRow,
  type FailuresRow,
  type LatencyRow,
  type SeriesAnswer,
  type SeriesQuery,
  type SeriesRow,
  stepMs,
} from '../series.ts';
import { chooseEndpoints } from './accounting.ts';
import { counted, typeMatches, typeValues } from './type-filter.ts';
import type { Connection, Database, Row, Value } from './database.ts';

/** A table of counters, and what of it is read: sums, and columns that are no sums. */
interface Source {
  readonly table: 'ledger' | 'tallies' | 'failures' | 'latency' | 'latency_days';
  readonly time: 'minute' | 'hour' | 'day';
  /** The row's own column that is the key; null: the key is its endpoint's. */
  readonly own: 'type' | 'class' | null;
  readonly plain: readonly string[];
  readonly sums: readonly string[];
}

const tallied = tallyColumns.map((name) => `sum(l.${name})::bigint`);
const counts = { plain: [], sums: tallied } as const;

/** By type there are many more rows: only who asks for types, or for minutes, reads them. */
const countsSource = ({ by, eventTypes, step }: SeriesQuery): Source =>
  by !== 'event_type' && eventTypes === null && step !== 'minute'
    ? { table: 'ledger', time: 'hour', own: null, ...counts }
    : { table: 'tallies', time: 'minute', own: by === 'event_type' ? 'type' : null, ...counts };

const failuresSource = ({ by }: SeriesQuery): Source => ({
  table: 'failures',
  time: 'hour',
  own: by === 'event_type' ? 'type' : by === 'error_class' ? 'class' : null,
  plain: by === 'error_class' ? ['l.class'] : ['NULL::text'],
  sums: ['sum(l.count)::bigint'],
});

const latencySource = (table: 'latency' | 'latency_days', { by }: SeriesQuery): Source => ({
  table,
  time: table === 'latency' ? 'hour' : 'day',
  own: by === 'event_type' ? 'type' : null,
  ...(table === 'latency'
    ? { plain: ['l.bucket'], sums: ['sum(l.count)::bigint'] }
    : { plain: [], sums: [`'[' || string_agg(l.counts::text, ',') || ']'`] }),
});

const hasTypes = ({ table }: Source): boolean => table !== 'ledger';

/** $1 and $2: members of the groups; $3 and $4: bounds in units of the time; $5 and $6: types, if the table has any. */
const fromSql = (at: Connection, source: Source): string =>
  `FROM unnest($1::int[], $2::int[]) AS n (num, grp) JOIN posthorn.${source.table} l ON ${counted(at)} AND l.endpoint = n.num
     AND l.${source.time} >= $3::int AND l.${source.time} < $4::int ${hasTypes(source) ? `WHERE ${typeMatches('l.type', 5)}` : ''}`;

function valuesOf(source: Source, query: SeriesQuery, { members }: SeriesGroups): Value[] {
  const unit = stepMs[source.time];
  return [
    members.map(([num]) => num),
    members.map(([, group]) => group),
    Math.floor(query.since / unit),
    Math.ceil(query.until / unit),
    ...(hasTypes(source) ? typeValues(query.eventTypes) : []),
  ];
}

const maxKeysCounted = 10_000;

interface Chosen {
  readonly groups: SeriesGroups;
  readonly alone: readonly (string | null)[];
  readonly others: number;
}

/** Which keys stand alone, by the first sum of a source. */
async function choose(at: Connection, query: SeriesQuery, source: Source): Promise<Chosen> {
  const { by, maxSeries } = query;
  const endpoints = await chooseEndpoints(at, query);
  const groups = seriesGroups(endpoints, by, null);
  if (by === 'none') return { groups, alone: [null], others: 0 };
  const { table, own, sums } = source;
  const sizes = await at.query(
    `series_sizes_${table}_${own ?? ''}`,
    `SELECT ${own === null ? 'n.grp' : `l.${own}`}, ${sums[0]} ${fromSql(at, source)} GROUP BY 1 ORDER BY 2 DESC LIMIT ${maxKeysCounted}`,
    valuesOf(source, query, groups),
  );
  const { alone, others } = ranked(
    own === null ? sizesByKey(groups, sizes as [number, number][]) : new Map(sizes as [string, number][]),
    maxSeries,
  );
  return {
    groups: own === null && others > 0 ? seriesGroups(endpoints, by, new Set(alone)) : groups,
    alone,
    others,
  };
}

/** Rows with what the source reads behind their place in the series. */
async function read(
  at: Connection,
  query: SeriesQuery,
  source: Source,
  { groups, alone, others }: Chosen,
): Promise<[SeriesRow, Row][]> {
  const { table, own, plain, sums, time } = source;
  const { step } = query;
  const isNarrowed = own !== null && others > 0;
  const key =
    own === null
      ? 'NULL::text'
      : isNarrowed
        ? `CASE WHEN l.${own} = ANY ($7::text[]) THEN l.${own} END`
        : `l.${own}`;
  const rows = await at.query(
    `series_${table}_${step}_${own ?? ''}_${isNarrowed ? 'narrowed' : ''}`,
    `SELECT n.grp, ${key}, l.${time} / ${stepMs[step] / stepMs[time]}, ${[...plain, ...sums].join(', ')} ${fromSql(at, source)}
     GROUP BY ${Array.from({ length: 3 + plain.length }, (_, place) => place + 1).join(', ')}`,
    [...valuesOf(source, query, groups), ...(isNarrowed ? [alone as Value] : [])],
  );
  return rows.map((row) => {
    const group = groups.groups[row[0] as number]!;
    const ofType = own === null ? group : { key: row[1] as string | null, isOthers: row[1] === null };
    const time = (row[2] as number) * stepMs[step];
    return [{ ...ofType, at: time, deliverWithinMs: group.deliverWithinMs }, row.slice(3)];
  });
}

export async function readCountSeries(db: Database, query: SeriesQuery): Promise<SeriesAnswer<CountsRow>> {
  return await db.snapshot(async (at) => {
    const source = countsSource(query);
    const chosen = await choose(at, query, source);
    const rows = await read(at, query, source, chosen);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: rows.map(([place, row]) => ({ ...place, ...tallyOf(row, 0) })),
    };
  });
}

export async function readFailureSeries(
  db: Database,
  query: SeriesQuery,
): Promise<SeriesAnswer<FailuresRow>> {
  return await db.snapshot(async (at) => {
    const source = failuresSource(query);
    const chosen = await choose(at, query, source);
    const rows = await read(at, query, source, chosen);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: rows.map(([place, [errorClass, count]]) => ({
        ...place,
        errorClass: errorClass as ErrorClass | null,
        count: count as number,
      })),
    };
  });
}

export async function readLatencySeries(db: Database, query: SeriesQuery): Promise<SeriesAnswer<LatencyRow>> {
  return await db.snapshot(async (at) => {
    const chosen = await choose(at, query, countsSource(query));
    const hours = await read(at, query, latencySource('latency', query), chosen);
    const days =
      query.step === 'day' ? await read(at, query, latencySource('latency_days', query), chosen) : [];
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: [
        ...hours.map(([place, [bucket, count]]) => ({
          ...place,
          bucket: bucket as number,
          count: count as number,
        })),
        ...days.flatMap(([place, [histograms]]) => countsOfDay(place, histograms as string)),
      ],
    };
  });
}
