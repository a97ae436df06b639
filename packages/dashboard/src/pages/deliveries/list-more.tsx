import { type ReactNode, useEffect, useRef } from 'react';
import type { Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useSetSearch } from '../../url.ts';
import type { Listed } from './rows.tsx';

/** Deliveries of one call. */
export const pageSize = 200;
/** Beyond this many the list goes on at another time. */
const maxShown = 5000;
const newEveryMs = 5000;

/** New rows wait behind their number. */
export function NewRows({
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

/** How far back was searched, and what lies behind. */
export function More({
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
