import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { useMe } from '../../session.tsx';
import { DeclaredDocument } from './documents.tsx';
import { SettingsFrame } from './frame.tsx';

type EventType = Item<'eventTypes.list'>;

/** Declared event types: who produces them, what their data looks like, and where their value is. */
export default function EventTypesPage(): ReactNode {
  const types = useRead('eventTypes.list', { query: { limit: 1000 } });
  return (
    <SettingsFrame part="event-types">
      <Reading of={types} what="Reading the event types…" height={320}>
        {({ items }) => {
          const unowned = items.filter(({ owner }) => owner === null).length;
          return (
            <div className="stack">
              <Sentence
                level={unowned > 0 ? 'watch' : 'well'}
                lead="Events of undeclared types are accepted too, without a schema or an owner."
              >
                {items.length === 0
                  ? 'No event type is declared.'
                  : `${plural(items.length, 'event type')} declared; ${unowned === 0 ? 'each has a producing team.' : `${unowned} without a producing team.`}`}
              </Sentence>
              <Card title="Event types">
                {items.length === 0 ? (
                  <Empty>
                    Declare them in <code>posthorn.yaml</code> under <code>event_types</code>: a schema
                    refuses what does not fit, and <code>value</code> says where the amount is.
                  </Empty>
                ) : (
                  items.map((type) => <EventTypeDetails key={type.name} of={type} />)
                )}
              </Card>
            </div>
          );
        }}
      </Reading>
    </SettingsFrame>
  );
}

/** One type: its summary, its schema, and the YAML that declares it. */
function EventTypeDetails({ of: type }: { of: EventType }): ReactNode {
  const isPortal = useMe().kind === 'portal';
  const { name, fingerprint: _, description, owner, schema, value, ...fields } = type;
  const facts = [
    ...(isPortal ? [] : [owner === null ? 'no owner' : `produced by ${owner}`]),
    schema === undefined ? 'no schema' : 'data has a schema',
    ...(value === undefined ? [] : [`value at ${value.amount}`]),
  ];
  return (
    <DeclaredDocument
      name={name}
      summary={facts.join(', ')}
      section="event_types"
      document={{ name, description, owner, ...fields, schema, value }}
    >
      {description === '' ? null : (
        <p>
          <Untrusted text={description} />
        </p>
      )}
      <p>
        <Link to={'/deliveries' as string} search={{ event_type: name, last: '24h' } as never}>
          Its deliveries
        </Link>
      </p>
    </DeclaredDocument>
  );
}
