import { Link, useNavigate } from '@tanstack/react-router';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Item } from '../../api.ts';
import { useNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { moneyText } from '../../parts/money.ts';
import { State } from '../../parts/state.tsx';
import { relativeText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
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
  const nowMs = useNow();
  if (due === null) return 'pending';
  const at = Date.parse(due);
  return at <= nowMs ? 'due now' : `due ${relativeText(at, nowMs)}`;
}

function Head({ areAll, onAll }: { areAll: boolean; onAll: () => void }): ReactNode {
  return (
    <thead role="rowgroup" className="desktop-only rows-thead">
      <tr className="rows-head" role="row">
        <th role="columnheader" scope="col">
          <input type="checkbox" aria-label="Select all that are shown" checked={areAll} onChange={onAll} />
        </th>
        <th role="columnheader" scope="col">
          state
        </th>
        <th role="columnheader" scope="col">
          accepted (<ZoneName />)
        </th>
        <th role="columnheader" scope="col">
          type
        </th>
        <th role="columnheader" scope="col">
          endpoint
        </th>
        <th role="columnheader" scope="col" className="num">
          worth
        </th>
        <th role="columnheader" scope="col" className="num">
          tries
        </th>
        <th role="columnheader" scope="col">
          last
        </th>
      </tr>
    </thead>
  );
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
  const navigate = useNavigate();
  const isPhone = useIsPhone();
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  const [here, setHere] = useState(-1);
  const height = isPhone ? rowPx.phone : rowPx.desktop;
  useLayoutEffect(() => {
    const top = body.current === null ? 0 : body.current.getBoundingClientRect().top + window.scrollY;
    if (Math.abs(top - margin) > 1) setMargin(top);
  });
  const virtual = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: margin,
  });
  useEffect(() => virtual.measure(), [height, virtual]);
  const move = (to: number): void => {
    if (to < 0 || to >= items.length) return;
    setHere(to);
    virtual.scrollToIndex(to);
  };
  const open = (id: string, isBeside: boolean): void => {
    if (isBeside) window.open(`/deliveries/${id}`, '_blank', 'noopener');
    else void navigate({ to: `/deliveries/${id}` });
  };
  useKeys([
    { keys: 'j', text: 'Next delivery', run: () => move(here + 1) },
    { keys: 'k', text: 'Delivery before', run: () => move(here - 1) },
    {
      keys: 'Enter',
      text: 'Open the delivery',
      run: () => {
        if (items[here] !== undefined) open(items[here].id, false);
      },
    },
    {
      keys: 'mod+enter',
      text: 'Open it in a new tab',
      run: () => {
        if (items[here] !== undefined) open(items[here].id, true);
      },
    },
    {
      keys: 'x',
      text: 'Select the delivery',
      run: () => {
        const one = items[here];
        if (one !== undefined) onSelect([one.id], !selected.has(one.id));
      },
    },
  ]);
  const areAll = items.length > 0 && items.every(({ id }) => selected.has(id));
  return (
    // The roles stand here because rows are laid out as grids.
    <table className="rows" role="table" aria-rowcount={isEnd ? items.length + 1 : -1}>
      <caption className="sr">Deliveries, newest first</caption>
      <Head
        areAll={areAll}
        onAll={() =>
          onSelect(
            items.map(({ id }) => id),
            !areAll,
          )
        }
      />
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
                open(one.id, event.metaKey || event.ctrlKey);
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
