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
import { typeMatches, typeValues } from './type-filter.ts';
import type { Database, Row } from './database.ts';

/** A table of counters, and what of it is read: sums, and columns that are no sums. */
interface Source {
  readonly table: 'ledger' | 'tallies' | 'failures' | 'latency' | 'latency_days';
  readonly time: 'minute' | 'hour' | 'day';
  /** The row's own column that is the key; null: the key is its endpoint's. */
  readonly own: 'type' | 'class' | null;
  readonly plain: readonly string[];
  readonly sums: readonly string[];
}

const tallied = tallyColumns.map((name) => `sum(l.${name})`);
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
  plain: by === 'error_class' ? ['l.class'] : ['NULL'],
  sums: ['sum(l.count)'],
});

const latencySource = (table: 'latency' | 'latency_days', { by }: SeriesQuery): Source => ({
  table,
  time: table === 'latency' ? 'hour' : 'day',
  own: by === 'event_type' ? 'type' : null,
  ...(table === 'latency'
    ? { plain: ['l.bucket'], sums: ['sum(l.count)'] }
    : { plain: [], sums: [`'[' || group_concat(l.counts) || ']'`] }),
});

const hasTypes = ({ table }: Source): boolean => table !== 'ledger';

/** ?1: members of the groups, taken apart once; ?2 and ?3: bounds in units of the time; ?4 and ?5: types, if the table has any. */
const membersSql = 'WITH n (num, grp) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?1))';
const fromSql = (source: Source): string =>
  `FROM n CROSS JOIN ${source.table} l ON ${source.table === 'latency_days' ? '' : 'l.shard = 0 AND '}l.endpoint = n.num
     AND l.${source.time} >= ?2 AND l.${source.time} < ?3 ${hasTypes(source) ? `WHERE ${typeMatches('l.type', 4)}` : ''}`;

function valuesOf(source: Source, query: SeriesQuery, { members }: SeriesGroups): (string | number | null)[] {
  const unit = stepMs[source.time];
  return [
    JSON.stringify(members),
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
function choose(db: Database, query: SeriesQuery, source: Source): Chosen {
  const { by, maxSeries } = query;
  const endpoints = chooseEndpoints(db, query);
  const groups = seriesGroups(endpoints, by, null);
  if (by === 'none') return { groups, alone: [null], others: 0 };
  const sizes = db.all(
    `${membersSql} SELECT ${source.own === null ? 'n.grp' : `l.${source.own}`}, ${source.sums[0]} ${fromSql(source)}
     GROUP BY 1 ORDER BY 2 DESC LIMIT ${maxKeysCounted}`,
    ...valuesOf(source, query, groups),
  );
  const { alone, others } = ranked(
    source.own === null
      ? sizesByKey(groups, sizes as [number, number][])
      : new Map(sizes as [string, number][]),
    maxSeries,
  );
  return {
    groups: source.own === null && others > 0 ? seriesGroups(endpoints, by, new Set(alone)) : groups,
    alone,
    others,
  };
}

/** Rows with what the source reads behind their place in the series. */
function read(
  db: Database,
  query: SeriesQuery,
  source: Source,
  { groups, alone, others }: Chosen,
): [SeriesRow, Row][] {
  const { own, plain, sums, time } = source;
  const { step } = query;
  const isNarrowed = own !== null && others > 0;
  const key =
    own === null
      ? 'NULL'
      : isNarrowed
        ? `iif(l.${own} IN (SELECT value FROM json_each(?6)), l.${own}, NULL)`
        : `l.${own}`;
  const rows = db.all(
    `${membersSql} SELECT n.grp, ${key}, l.${time} / ${stepMs[step] / stepMs[time]}, ${[...plain, ...sums].join(', ')} ${fromSql(source)}
     GROUP BY ${Array.from({ length: 3 + plain.length }, (_, at) => at + 1).join(', ')}`,
    ...valuesOf(source, query, groups),
    ...(isNarrowed ? [JSON.stringify(alone)] : []),
  );
  return rows.map((row) => {
    const group = groups.groups[row[0] as number]!;
    const ofType = own === null ? group : { key: row[1] as string | null, isOthers: row[1] === null };
    const at = (row[2] as number) * stepMs[step];
    return [{ ...ofType, at, deliverWithinMs: group.deliverWithinMs }, row.slice(3)];
  });
}

export function readCountSeries(db: Database, query: SeriesQuery): SeriesAnswer<CountsRow> {
  return db.snapshot(() => {
    const source = countsSource(query);
    const chosen = choose(db, query, source);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: read(db, query, source, chosen).map(([place, row]) => ({ ...place, ...tallyOf(row, 0) })),
    };
  });
}

export function readFailureSeries(db: Database, query: SeriesQuery): SeriesAnswer<FailuresRow> {
  return db.snapshot(() => {
    const source = failuresSource(query);
    const chosen = choose(db, query, source);
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: read(db, query, source, chosen).map(([place, [errorClass, count]]) => ({
        ...place,
        errorClass: errorClass as ErrorClass | null,
        count: count as number,
      })),
    };
  });
}

export function readLatencySeries(db: Database, query: SeriesQuery): SeriesAnswer<LatencyRow> {
  return db.snapshot(() => {
    const chosen = choose(db, query, countsSource(query));
    const hours = read(db, query, latencySource('latency', query), chosen).map(
      ([place, [bucket, count]]) => ({
        ...place,
        bucket: bucket as number,
        count: count as number,
      }),
    );
    const days = query.step === 'day' ? read(db, query, latencySource('latency_days', query), chosen) : [];
    return {
      keys: chosen.alone,
      others: chosen.others,
      rows: [...hours, ...days.flatMap(([place, [counted]]) => countsOfDay(place, counted as string))],
    };
  });
}
