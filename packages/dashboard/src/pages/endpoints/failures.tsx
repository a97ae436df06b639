import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer } from '../../api.ts';
import { Card } from '../../parts/card.tsx';
import { countText } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';

type Details = Answer<'endpoints.health'>;
type Failed = Details['errors'][number];

const maxTypes = 3;

function Excerpt({ failed: { attempt } }: { failed: Failed }): ReactNode {
  const text = attempt.response_excerpt ?? attempt.message;
  if (text === null || text === '') return <span className="soft">no answer to show</span>;
  return (
    <code className="endpoint-excerpt mono" tabIndex={0} role="group" aria-label="What came back">
      <Untrusted text={text} max={600} />
    </code>
  );
}

const classColumns: readonly Column<Details['failures']['by_class'][number]>[] = [
  {
    key: 'class',
    head: 'Class',
    phone: 'first',
    cell: ({ class: errorClass, fault }) => (
      <>
        <span className="mono">{errorClass}</span>
        <div className="label">{fault === 'sender' ? "ours: Posthorn's side" : "the receiver's"}</div>
      </>
    ),
  },
  {
    key: 'count',
    head: 'Attempts',
    isNumber: true,
    phone: 'end',
    cell: ({ count }) => countText(count),
  },
  {
    key: 'types',
    head: 'Event types',
    cell: ({ event_types: types }) => (
      <>
        {types.slice(0, maxTypes).map(({ event_type: type, count }) => (
          <div key={type}>
            <Untrusted text={type} /> <span className="soft">{countText(count)}</span>
          </div>
        ))}
        {types.length > maxTypes ? (
          <div className="soft">and {countText(types.length - maxTypes)} more</div>
        ) : null}
      </>
    ),
  },
  {
    key: 'last',
    head: 'Last answer',
    width: '45%',
    cell: ({ last }) =>
      last === null ? <span className="soft">its delivery has ended well</span> : <Excerpt failed={last} />,
  },
];

const errorColumns: readonly Column<Failed>[] = [
  {
    key: 'at',
    head: (
      <>
        At (<ZoneName />)
      </>
    ),
    phone: 'end',
    cell: ({ attempt }) => <When at={attempt.started_at} precision="millisecond" />,
  },
  {
    key: 'type',
    head: 'Event type',
    phone: 'first',
    cell: ({ delivery_id: id, event_type: type }) => (
      <Link to="/deliveries/$delivery" params={{ delivery: id } as never}>
        <Untrusted text={type} />
      </Link>
    ),
  },
  {
    key: 'class',
    head: 'Answer',
    cell: ({ attempt }) => (
      <span className="mono">
        {attempt.status_code ?? attempt.error_class} in {durationText(attempt.duration_ms)}
      </span>
    ),
  },
  {
    key: 'excerpt',
    head: 'What came back',
    width: '45%',
    cell: (failed) => <Excerpt failed={failed} />,
  },
];

/** How attempts failed, with what came back. */
export function FailuresCard({ details: { failures, errors } }: { details: Details }): ReactNode {
  if (failures.by_class.length === 0 && errors.length === 0)
    return (
      <Card title="Failures">
        <Empty>No attempt of the last 24 hours failed.</Empty>
      </Card>
    );
  return (
    <>
      <Card title="Failed attempts of the last 24 hours, by class">
        <Table
          caption="Failed attempts by class"
          rows={failures.by_class}
          keyOf={({ class: errorClass }) => errorClass}
          columns={classColumns}
        />
      </Card>
      {errors.length === 0 ? null : (
        <Card title="Last errors">
          <Table
            caption="Last failed attempts"
            rows={errors.slice(0, 10)}
            keyOf={({ delivery_id: id }) => id}
            columns={errorColumns}
          />
        </Card>
      )}
    </>
  );
}
