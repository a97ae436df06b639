import type { ReactNode } from 'react';
import { now } from '../../clock.ts';
import { type BarPart, Bars, Legend } from '../../parts/chart/bars.tsx';
import { Reading } from '../../parts/panel.tsx';
import { useRead } from '../../query.ts';
import { useSetSearch } from '../../url.ts';
import { bucketsOf, type Filters, isCounted } from './filters.ts';
import type { Listed } from './rows.tsx';

const parts = [
  ['delivered', 'delivered', 'good'],
  ['pending', 'pending', 'wait'],
  ['dead', 'dead letters', 'bad'],
  ['suppressed', 'suppressed', 'held'],
  ['cancelled', 'cancelled', 'soft'],
] as const satisfies readonly (readonly [string, string, BarPart['tone']])[];

const height = 130;
/** Legend, axis, and the lines below. */
const aroundChart = 72;

function barsOf(
  states: string | undefined,
  valuesOf: (state: string) => readonly number[],
): readonly BarPart[] {
  const shown = states?.split(',');
  return parts
    .filter(([state]) => shown?.includes(state) !== false)
    .map(([state, name, tone]) => ({ name, tone, values: valuesOf(state) }))
    .filter(({ values }) => values.some((value) => value > 0));
}

/** When what is shown was accepted, by state: of all by the counters, else of the rows that were found. */
export function Histogram({
  query,
  filters,
  items,
}: {
  query: Readonly<Record<string, string>>;
  filters: Filters;
  items: readonly Listed[];
}): ReactNode {
  if (isCounted(filters)) return <Counted query={query} filters={filters} />;
  const since = Date.parse(query['since']!);
  const until = query['until'] === undefined ? now() : Date.parse(query['until']);
  const { times, stepMs, byState } = bucketsOf(items, { since, until });
  const shown = barsOf(filters.state, (state) => byState.get(state) ?? times.map(() => 0));
  return <Drawn of={{ since, until, times, stepMs, shown }} note="Of the rows found so far." />;
}

function Counted({
  query,
  filters,
}: {
  query: Readonly<Record<string, string>>;
  filters: Filters;
}): ReactNode {
  const { since, until, tenant, endpoint_id, event_type, owner } = query;
  const read = useRead('series.get', {
    query: { measure: 'counts', since, until, tenant, endpoint_id, event_type, owner },
  });
  return (
    <Reading of={read} what="Counting by time…" height={height + aroundChart}>
      {({ window, series }) => {
        const points = series[0]?.points ?? [];
        const times = points.map(({ at }) => Date.parse(at));
        const begin = Date.parse(window.since);
        const end = Date.parse(window.until);
        const stepMs = (times[1] ?? end) - (times[0] ?? begin);
        const shown = barsOf(filters.state, (state) =>
          points.map(
            (point) => (point as unknown as Readonly<Record<string, number | undefined>>)[state] ?? 0,
          ),
        );
        return (
          <Drawn
            of={{ since: begin, until: end, times, stepMs, shown }}
            note={`Counted by the ${window.step}. Press a bar, or drag across several, to look closer.`}
          />
        );
      }}
    </Reading>
  );
}

function Drawn({
  of: { since, until, times, stepMs, shown },
  note,
}: {
  of: {
    readonly since: number;
    readonly until: number;
    readonly times: readonly number[];
    readonly stepMs: number;
    readonly shown: readonly BarPart[];
  };
  note: string;
}): ReactNode {
  const setSearch = useSetSearch();
  const narrow = (first: number, last: number): void =>
    setSearch({
      since: new Date(times[first]!).toISOString(),
      until: new Date(times[last]! + stepMs).toISOString(),
      last: null,
    });
  if (shown.length === 0) return <p className="soft">Nothing was accepted in this time.</p>;
  return (
    <>
      <Legend parts={shown} />
      <Bars
        label="Deliveries by the time of their acceptance, by state."
        since={since}
        until={until}
        times={times}
        stepMs={stepMs}
        parts={shown}
        unit="count"
        height={height}
        onPick={(index) => narrow(index, index)}
        onRange={narrow}
      />
      <p className="label">{note}</p>
    </>
  );
}
