import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { moneyText } from '../../parts/money.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { useReadPages } from '../../query.ts';
import type { Window } from './compare.ts';

type Delivery = Item<'deliveries.list'>;

/** Without the receiver's list: what did not arrive, or arrived late, by what is known here. */
export function OurSide({ window }: { window: Window }): ReactNode {
  return (
    <>
      <Deliveries
        title="Not delivered"
        none="Everything of this time was delivered."
        query={{ ...window, state: 'dead,suppressed,pending' }}
      />
      <Deliveries
        title="Delivered late"
        none="Nothing of this time was delivered late."
        query={{ ...window, state: 'delivered', late: 'true' }}
      />
    </>
  );
}

function Deliveries({
  title,
  none,
  query,
}: {
  title: string;
  none: string;
  query: Readonly<Record<string, string>>;
}): ReactNode {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useReadPages(
    'deliveries.list',
    { query: { ...query, include: 'event', limit: 100 } as never },
  );
  const rows = data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Card title={title}>
      {data === undefined ? (
        error === null ? (
          <Loading height={160} what="Searching the deliveries…" />
        ) : (
          <Refusal problem={error} onRetry={() => void refetch()} />
        )
      ) : rows.length === 0 && !hasNextPage ? (
        <Empty>{none}</Empty>
      ) : (
        <Rows title={title} rows={rows} />
      )}
      {hasNextPage ? (
        <p>
          <Button forbidden={isFetchingNextPage ? 'Searching…' : null} onClick={() => void fetchNextPage()}>
            Search further
          </Button>
        </p>
      ) : null}
    </Card>
  );
}

function Rows({ title, rows }: { title: string; rows: readonly Delivery[] }): ReactNode {
  return (
    <Table
      caption={title}
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        {
          key: 'event',
          head: 'Event',
          phone: 'first',
          cell: ({ id, event_id: event, event_type: type }) => (
            <>
              <Link to={`/deliveries/${id}` as string}>
                <Untrusted text={event} max={40} />
              </Link>
              <br />
              <span className="soft">{type}</span>
            </>
          ),
        },
        { key: 'state', head: 'State', phone: 'end', cell: ({ state }) => <State name={state} /> },
        {
          key: 'created',
          head: (
            <>
              Accepted, <ZoneName />
            </>
          ),
          cell: ({ created_at: at }) => <When at={at} />,
        },
        {
          key: 'settled',
          head: 'Settled',
          cell: ({ settled_at: at, due_at: due }) =>
            at !== null ? (
              <When at={at} />
            ) : due === null ? (
              ''
            ) : (
              <span className="soft">
                due <When at={due} />
              </span>
            ),
        },
        {
          key: 'value',
          head: 'Worth',
          isNumber: true,
          cell: ({ event }) =>
            event?.value ? moneyText(event.value) : <span className="soft">unknown</span>,
        },
      ]}
    />
  );
}
