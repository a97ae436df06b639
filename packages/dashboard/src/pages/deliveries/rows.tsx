import { Link, useNavigate } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Item } from '../../api.ts';
import { useOfNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { moneyText } from '../../parts/money.ts';
import { State } from '../../parts/state.tsx';
import { relativeText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { besideQuery } from './side-panel.tsx';
import { stateName } from './words.ts';

export type Listed = Item<'deliveries.list'>;

const rowPx = { desktop: 36, phone: 84 };
const phoneQuery = '(max-width: 760px)';

function useIsPhone(): boolean {
  const [isPhone, setPhone] = useState(() => matchMedia(phoneQuery).matches);
  useEffect(() => {
    const media = matchMedia(phoneQuery);
    const change = (): void => setPhone(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  return isPhone;
}

/** What a pending row is waiting for, as far as a list knows. */
function PendingWord({ due }: { due: string | null }): ReactNode {
  return useOfNow((nowMs) => {
    if (due === null) return 'pending';
    const at = Date.parse(due);
    return at <= nowMs ? 'due now' : `due ${relativeText(at, nowMs)}`;
  });
}

function Head({ areAll, onAll }: { areAll: boolean; onAll: () => void }): ReactNode {
  return (
    <thead role="rowgroup" className="desktop-only rows-thead">
      <tr className="rows-head" role="row">
        <th role="columnheader" scope="col">
          <input type="checkbox" aria-label="Select all that are shown" checked={areAll} onChange={onAll} />
        </th>
        <th role="columnheader" scope="col">
          State
        </th>
        <th role="columnheader" scope="col">
          Accepted (<ZoneName />)
        </th>
        <th role="columnheader" scope="col">
          Type
        </th>
        <th role="columnheader" scope="col">
          Endpoint
        </th>
        <th role="columnheader" scope="col" className="num">
          Worth
        </th>
        <th role="columnheader" scope="col" className="num">
          Attempts
        </th>
        <th role="columnheader" scope="col">
          Last error
        </th>
      </tr>
    </thead>
  );
}

/** Opens a delivery: beside the list if the window is wide, else in its place, or in a new tab. */
function useOpen() {
  const navigate = useNavigate();
  const setSearch = useSetSearch();
  return {
    page: (id: string): void => void navigate({ to: `/deliveries/${id}` }),
    tab: (id: string): void => void window.open(`/deliveries/${id}`, '_blank', 'noopener'),
    beside: (id: string): void =>
      matchMedia(besideQuery).matches
        ? setSearch({ open: id }, { replace: true })
        : void navigate({ to: `/deliveries/${id}` }),
  };
}

/** The keys of the list, and the row that they are at. */
function useRowKeys(
  items: readonly Listed[],
  { select, scrollTo }: { select: (id: string) => void; scrollTo: (index: number) => void },
): { readonly here: number } {
  const [last, setLast] = useState(-1);
  const open = useOpen();
  const beside = useQuerySearch()['open'];
  const here = beside === undefined ? last : items.findIndex(({ id }) => id === beside);
  const move = (to: number): void => {
    const one = items[to];
    if (one === undefined) return;
    setLast(to);
    scrollTo(to);
    if (beside !== undefined) open.beside(one.id);
  };
  const at = (run: (id: string) => void) => (): void => {
    const one = items[here];
    if (one !== undefined) run(one.id);
  };
  useKeys([
    { keys: 'j', text: 'Next delivery', run: () => move(here + 1) },
    { keys: 'k', text: 'Delivery before', run: () => move(here - 1) },
    { keys: 'Enter', text: 'Open the delivery', run: at(open.page) },
    { keys: 'mod+enter', text: 'Open it in a new tab', run: at(open.tab) },
    { keys: 'o', text: 'Open it beside the list', run: at(open.beside) },
    { keys: 'x', text: 'Select the delivery', run: at(select) },
  ]);
  return { here };
}

/** The rows of a window, of as many as there are. */
function useWindowOf(count: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  const height = useIsPhone() ? rowPx.phone : rowPx.desktop;
  // What stands above the rows changes the page's height. Measured at each render instead, it was half of the time of scrolling.
  useLayoutEffect(() => {
    const measure = (): void =>
      setMargin(body.current === null ? 0 : Math.round(body.current.getBoundingClientRect().top + scrollY));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const virtual = useWindowVirtualizer({
    count,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: margin,
  });
  useEffect(() => virtual.measure(), [height, virtual]);
  return { body, virtual, margin };
}

export function Rows({
  items,
  selected,
  onSelect,
  isEnd,
}: {
  items: readonly Listed[];
  selected: ReadonlySet<string>;
  onSelect: (ids: readonly string[], isChosen: boolean) => void;
  /** No row follows these. */
  isEnd: boolean;
}): ReactNode {
  const { body, virtual, margin } = useWindowOf(items.length);
  const { here } = useRowKeys(items, {
    select: (id) => onSelect([id], !selected.has(id)),
    scrollTo: (index) => virtual.scrollToIndex(index),
  });
  const open = useOpen();
  const areAll = items.length > 0 && items.every(({ id }) => selected.has(id));
  const ids = (): readonly string[] => items.map(({ id }) => id);
  return (
    // The roles stand here because rows are laid out as grids.
    <table className="rows" role="table" aria-rowcount={isEnd ? items.length + 1 : -1}>
      <caption className="sr">Deliveries, newest first</caption>
      <Head areAll={areAll} onAll={() => onSelect(ids(), !areAll)} />
      <tbody role="rowgroup" ref={body} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const one = items[index]!;
          return (
            <tr
              key={one.id}
              role="row"
              className="rows-row"
              aria-rowindex={index + 2}
              data-here={index === here ? '' : undefined}
              style={{ transform: `translateY(${start - margin}px)` }}
              onClick={(event) => {
                if ((event.target as Element).closest('a, input') !== null) return;
                (event.metaKey || event.ctrlKey ? open.tab : open.beside)(one.id);
              }}
            >
              <Cells one={one} isSelected={selected.has(one.id)} onSelect={onSelect} />
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Cells({
  one,
  isSelected,
  onSelect,
}: {
  one: Listed;
  isSelected: boolean;
  onSelect: (ids: readonly string[], isChosen: boolean) => void;
}): ReactNode {
  const { id, state, event, endpoint, last_error: last } = one;
  return (
    <>
      <td role="cell" className="rows-check">
        <input
          type="checkbox"
          aria-label={`Select ${id}`}
          checked={isSelected}
          onChange={() => onSelect([id], !isSelected)}
        />
      </td>
      <td role="cell" className="rows-state">
        <Link to={`/deliveries/${id}`}>
          {state === 'pending' ? (
            <State name="pending" word={<PendingWord due={one.due_at} />} />
          ) : (
            <State name={stateName(one)} />
          )}
          <span className="sr">, {id}</span>
        </Link>
      </td>
      <td role="cell" className="rows-at">
        <When at={one.created_at} />
      </td>
      <td role="cell" className="rows-type">
        <Untrusted text={one.event_type} max={48} />
      </td>
      <td role="cell" className="rows-endpoint">
        {endpoint === undefined ? one.endpoint_id : <Untrusted text={endpoint.host} max={48} />}
      </td>
      <td role="cell" className="rows-worth num">
        {(event?.value ?? null) === null ? <span className="soft">unknown</span> : moneyText(event!.value!)}
      </td>
      <td role="cell" className="rows-tries num">
        {one.attempt_count}
      </td>
      <td role="cell" className="rows-last soft">
        {last === null ? '' : (last.status_code ?? last.class)}
      </td>
    </>
  );
}
