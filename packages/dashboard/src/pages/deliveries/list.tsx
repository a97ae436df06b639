import './deliveries.css';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { BulkDialog } from '../../parts/bulk-dialog.tsx';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { toast } from '../../parts/toast.tsx';
import { visible } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { refresh, useRead, useReadPages } from '../../query.ts';
import { presetWords, type Range, rangeFrom } from '../../range.ts';
import { useForbidden } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { exportLines, save } from './export.ts';
import { FilterBar } from './filter-bar.tsx';
import { bulkFilter, type Filters, filtersFrom, filterWords, isCounted, usualLast } from './filters.ts';
import { Histogram } from './histogram.tsx';
import { type Listed, Rows } from './rows.tsx';

const pageSize = 200;
/** Beyond this many the list goes on at another time. */
const maxShown = 5000;
const newEveryMs = 5000;

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
    </div>
  );
}

function Heading({
  query,
  filters,
  range,
  found,
  isEnd,
}: {
  query: Readonly<Record<string, string>>;
  filters: Filters;
  range: Range;
  found: number;
  isEnd: boolean;
}): ReactNode {
  const { since, until, tenant, endpoint_id, event_type, owner } = query;
  const known = isCounted(filters);
  const sums = useRead(
    'accounting.get',
    { query: { since, until, tenant, endpoint_id, event_type, owner } },
    { enabled: known },
  );
  const words = filterWords(filters);
  const when =
    range.last === null
      ? 'in this window'
      : `in the ${presetWords[range.last as keyof typeof presetWords] ?? range.last}`;
  const count = ((): string => {
    if (known && sums.data !== undefined) {
      const { accepted, delivered, pending, dead, cancelled, suppressed } = sums.data;
      const byState: Readonly<Record<string, number>> = { delivered, pending, dead, cancelled, suppressed };
      const of =
        filters.state === undefined
          ? accepted
          : filters.state.split(',').reduce((sum, state) => sum + (byState[state] ?? 0), 0);
      return plural(Math.max(of, found), 'delivery', 'deliveries');
    }
    return isEnd ? plural(found, 'delivery', 'deliveries') : `${countText(found)} deliveries and more`;
  })();
  return (
    <Sentence
      lead={
        words === '' ? (
          'All of them, newest first.'
        ) : (
          <>
            Shown: <bdi>{visible(words)}</bdi>.
          </>
        )
      }
    >
      {count} {when}
    </Sentence>
  );
}

function Nothing({ filters, range }: { filters: Filters; range: Range }): ReactNode {
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <Empty>
      No delivery {isFiltered ? 'like this ' : ''}was accepted{' '}
      {range.last === null
        ? 'in this window'
        : `in the ${presetWords[range.last as keyof typeof presetWords] ?? range.last}`}
      . {isFiltered ? 'Take out a filter, or look further back.' : 'Look further back, or publish an event.'}
    </Empty>
  );
}

/** New rows wait behind their number. */
function NewRows({
  query,
  first,
  isMoving,
  onShow,
}: {
  query: Readonly<Record<string, string>>;
  first: Listed | undefined;
  isMoving: boolean;
  onShow: () => void;
}): ReactNode {
  const limit = 100;
  const newest = useRead(
    'deliveries.list',
    { query: { ...query, limit } },
    { everyMs: newEveryMs, enabled: isMoving },
  );
  const fresh = (newest.data?.items ?? []).filter(({ id }) => first === undefined || id > first.id).length;
  if (fresh === 0) return null;
  return (
    <p className="row no-print">
      <Button onClick={onShow}>{fresh === limit ? `${limit} and more new` : `${fresh} new`}</Button>
    </p>
  );
}

function More({
  page,
  shown,
  lastRow,
  isFetching,
  onMore,
  error,
}: {
  page: {
    readonly items: readonly unknown[];
    readonly next_cursor: string | null;
    readonly searched_to: string | null;
    readonly rows_read: number | null;
  };
  shown: number;
  lastRow: Listed | undefined;
  isFetching: boolean;
  onMore: () => void;
  error: Problem | null;
}): ReactNode {
  const setSearch = useSetSearch();
  const end = useRef<HTMLDivElement>(null);
  const isFull = page.items.length >= pageSize;
  const isStopped = shown >= maxShown;
  const goesOn = page.next_cursor !== null && isFull && !isStopped && !isFetching;
  useEffect(() => {
    if (!goesOn || end.current === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) onMore();
      },
      { rootMargin: '600px' },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [goesOn, shown]);
  if (error !== null) return <Refusal problem={error} onRetry={onMore} />;
  if (page.next_cursor === null) return shown === 0 ? null : <p className="searched soft">These are all.</p>;
  if (isStopped)
    return (
      <p className="searched">
        {countText(shown)} are shown.
        <Button
          onClick={() => setSearch({ until: lastRow!.created_at, since: page.searched_to ?? '', last: null })}
        >
          Those before
        </Button>
      </p>
    );
  return (
    <div className="searched" ref={end}>
      <span role="status">
        {isFetching ? (
          'Searching…'
        ) : (
          <>Searched back to {page.searched_to === null ? 'the beginning' : <When at={page.searched_to} />}</>
        )}
        {page.rows_read === null || isFull ? '' : `, ${countText(page.rows_read)} rows`}
      </span>
      {isFull ? null : (
        <Button forbidden={isFetching ? 'It is being searched.' : null} onClick={onMore}>
          Search further
        </Button>
      )}
    </div>
  );
}

function Bulk({
  query,
  items,
  selected,
  onDone,
}: {
  query: Readonly<Record<string, string>>;
  items: readonly Listed[];
  selected: ReadonlySet<string>;
  onDone: () => void;
}): ReactNode {
  const forbidden = useForbidden('redrive');
  const forbidReplay = useForbidden('replay');
  const [bulk, setBulk] = useState<'redrive' | 'replay' | null>(null);
  const filters = useMemo(
    () => ({ redrive: bulkFilter(query), replay: bulkFilter(query, 'replay') }),
    [query],
  );
  const [asked, setAsked] = useState<string | null>(null);
  const chosen = items.filter(({ id, state }) => selected.has(id) && state !== 'delivered');
  const redrive = async (): Promise<void> => {
    let done = 0;
    for (const { id } of chosen) {
      setAsked(`Asked: ${done} of ${chosen.length}…`);
      try {
        await call('deliveries.redrive', { params: { id }, idempotencyKey: newIdempotencyKey() });
        done++;
      } catch (error) {
        toast(`${id}: ${error instanceof Problem ? error.message : String(error)}`, 'bad');
      }
    }
    setAsked(null);
    toast(`${plural(done, 'delivery', 'deliveries')} redriven: due now`);
    onDone();
    await refresh('deliveries.list');
  };
  const write = async (): Promise<void> => {
    setAsked('Exporting…');
    try {
      const { blob, rows, isAll } = await exportLines(query, (count) =>
        setAsked(`${countText(count)} rows…`),
      );
      save(blob, 'deliveries.jsonl');
      toast(
        isAll ? `${countText(rows)} rows exported` : `The first ${countText(rows)} rows exported`,
        isAll ? 'good' : 'wait',
      );
    } catch (error) {
      toast(error instanceof Problem ? error.message : String(error), 'bad');
    }
    setAsked(null);
  };
  const busy = asked === null ? null : 'Something was asked for already.';
  return (
    <div className="bulk no-print">
      {selected.size === 0 ? null : (
        <>
          <span>{countText(selected.size)} selected</span>
          <Button
            kind="go"
            forbidden={
              forbidden ??
              busy ??
              (chosen.length === 0 ? 'None of these can be redriven: they are delivered.' : null)
            }
            onClick={() => void redrive()}
          >
            Redrive {plural(chosen.length, 'delivery', 'deliveries')}
          </Button>
        </>
      )}
      <Button
        forbidden={forbidden ?? busy ?? (typeof filters.redrive === 'string' ? filters.redrive : null)}
        onClick={() => setBulk('redrive')}
      >
        Redrive all that match…
      </Button>
      <Button
        forbidden={forbidReplay ?? busy ?? (typeof filters.replay === 'string' ? filters.replay : null)}
        onClick={() => setBulk('replay')}
      >
        Replay all that match…
      </Button>
      {bulk === null || typeof filters[bulk] === 'string' ? null : (
        <BulkDialog
          action={{ kind: bulk, filter: filters[bulk] }}
          title={
            bulk === 'redrive'
              ? 'Redrive all dead letters and suppressed deliveries that match'
              : 'Replay all deliveries that match'
          }
          onClose={() => setBulk(null)}
        />
      )}
      <Button forbidden={busy} onClick={() => void write()}>
        Export as JSON lines
      </Button>
      {asked === null ? null : <span role="status">{asked}</span>}
    </div>
  );
}
