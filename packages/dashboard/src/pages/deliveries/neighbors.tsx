import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { Reading } from '../../parts/panel.tsx';
import { State } from '../../parts/state.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import type { Details } from './timeline.ts';
import { stateName } from './words.ts';

const shown = 6;

/** What else there is of the same event, and of the same ordering key. */
export function Neighbors({ details }: { details: Details }): ReactNode {
  const {
    id,
    tenant,
    event_id: event,
    event: { ordering_key: key },
  } = details;
  const others = useRead('deliveries.list', {
    query: { tenant, event_id: event, limit: shown + 1, include: 'endpoint' },
  });
  return (
    <div className={key === null ? 'stack' : 'two'}>
      <Card title="The same event elsewhere">
        <Reading of={others} what="Reading the event's other deliveries…" height={60}>
          {({ items }) => (
            <List
              items={items.filter((one) => one.id !== id).slice(0, shown)}
              none="It went to no other endpoint."
            />
          )}
        </Reading>
      </Card>
      {key === null ? null : <OfKey details={details} orderingKey={key} />}
    </div>
  );
}

function OfKey({ details, orderingKey }: { details: Details; orderingKey: string }): ReactNode {
  const { id, tenant, endpoint_id: endpoint } = details;
  const cursor = btoa(id).replaceAll('=', '');
  const query = {
    tenant,
    endpoint_id: endpoint,
    ordering_key: orderingKey,
    limit: 3,
    cursor,
    include: 'endpoint',
  };
  const before = useRead('deliveries.list', { query: { ...query, order: 'desc' } });
  const after = useRead('deliveries.list', { query: { ...query, order: 'asc' } });
  return (
    <Card
      title={
        <>
          The ordering key <Untrusted text={orderingKey} max={40} /> here
        </>
      }
    >
      <div className="neighbors">
        <Reading of={after} what="Reading later ones…" height={40}>
          {({ items }) => <List items={items.toReversed()} none="No later one was found." />}
        </Reading>
        <p className="label">this one, later ones above, earlier ones below</p>
        <Reading of={before} what="Reading earlier ones…" height={40}>
          {({ items }) => <List items={items} none="No earlier one was found." />}
        </Reading>
      </div>
    </Card>
  );
}

type Listed = Parameters<typeof stateName>[0] & {
  readonly id: string;
  readonly created_at: string;
  readonly endpoint?: { readonly host: string } | undefined;
};

function List({ items, none }: { items: readonly Listed[]; none: string }): ReactNode {
  if (items.length === 0) return <p className="soft">{none}</p>;
  return (
    <ul className="neighbors">
      {items.map((one) => (
        <li key={one.id} className="row">
          <State name={stateName(one)} />
          <Link to={`/deliveries/${one.id}`}>
            {one.endpoint === undefined ? one.id : <Untrusted text={one.endpoint.host} max={40} />}
          </Link>
          <span className="soft">
            <When at={one.created_at} />
          </span>
        </li>
      ))}
    </ul>
  );
}
