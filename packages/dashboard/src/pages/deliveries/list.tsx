import './deliveries.css';
import { type ReactNode, useMemo, useState } from 'react';
import { now } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { Loading, Refusal } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { useReadPages } from '../../query.ts';
import { type Range, rangeFrom } from '../../range.ts';
import { useQuerySearch } from '../../url.ts';
import { FilterBar } from './filter-bar.tsx';
import { type Filters, filtersFrom, usualLast } from './filters.ts';
import { Histogram } from './histogram.tsx';
import { Bulk } from './list-bulk.tsx';
import { Heading, Nothing } from './list-heading.tsx';
import { More, NewRows, pageSize } from './list-more.tsx';
import { Rows } from './rows.tsx';
import { SidePanel } from './side-panel.tsx';

const queryFor = (filters: Filters, { since, until }: Range): Readonly<Record<string, string>> => ({
  ...filters,
  since,
  ...(until === undefined ? {} : { until }),
});

/** Where one delivery is, and which are like it. */
export default function DeliveriesPage(): ReactNode {
  const search = useQuerySearch();
  const filters = filtersFrom(search);
  const minute = Math.floor(now() / 60_000);
  const range = useMemo(
    () => rangeFrom(search, minute * 60_000, usualLast(filtersFrom(search))),
    [search, minute],
  );
  const query = queryFor(filters, range);
  const key = JSON.stringify({ ...query, since: range.last ?? query['since'] });
  // While nothing else is asked for, the window stays where it was: lists never move under the pointer.
  const [held, setHeld] = useState({ key, query });
  if (held.key !== key) setHeld({ key, query });
  return <Found key={key} query={held.key === key ? held.query : query} filters={filters} range={range} />;
}

function Found({
  query,
  filters,
  range,
}: {
  query: Readonly<Record<string, string>>;
  filters: Filters;
  range: Range;
}): ReactNode {
  const read = useReadPages('deliveries.list', {
    query: { ...query, limit: pageSize, include: 'event,endpoint' },
  });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const pages = read.data?.pages ?? [];
  const items = useMemo(() => (read.data?.pages ?? []).flatMap((page) => page.items), [read.data]);
  const last = pages.at(-1);
  const isEnd = last !== undefined && last.next_cursor === null;
  const select = (ids: readonly string[], isChosen: boolean): void => {
    const next = new Set(selected);
    for (const id of ids)
      if (isChosen) next.add(id);
      else next.delete(id);
    setSelected(next);
  };
  return (
    <div className="stack">
      <Heading query={query} filters={filters} range={range} found={items.length} isEnd={isEnd} />
      <FilterBar filters={filters} range={<RangePicker range={range} />} />
      <Card title="When they were accepted">
        <Histogram query={query} filters={filters} items={items} />
      </Card>
      <Card>
        {read.error !== null && read.data === undefined ? (
          <Refusal problem={read.error} onRetry={() => void read.refetch()} />
        ) : last === undefined ? (
          <Loading height={400} what="Searching deliveries…" />
        ) : (
          <>
            <NewRows
              query={query}
              first={items[0]}
              isMoving={range.last !== null}
              onShow={() => void read.refetch()}
            />
            {items.length === 0 && isEnd ? (
              <Nothing filters={filters} range={range} />
            ) : (
              <Rows items={items} selected={selected} onSelect={select} isEnd={isEnd} />
            )}
            <More
              page={last}
              shown={items.length}
              lastRow={items.at(-1)}
              isFetching={read.isFetchingNextPage}
              onMore={() => void read.fetchNextPage()}
              error={read.data === undefined ? null : read.error}
            />
          </>
        )}
      </Card>
      {items.length === 0 ? null : (
        <Bulk query={query} items={items} selected={selected} onDone={() => setSelected(new Set())} />
      )}
      <SidePanel />
    </div>
  );
}
