import './deliveries.css';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { type Answer, call, callText, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { moneyText } from '../../parts/money.ts';
import { plural } from '../../parts/number.ts';
import { Reading, Refusal } from '../../parts/panel.tsx';
import { Payload } from '../../parts/payload.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { type Level, State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { toast } from '../../parts/toast.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { usePathParam } from '../../url.ts';
import { cannotSendAgain, DataDeleted } from './data-deleted.tsx';
import { rawDataIn } from './raw-data.ts';

type Event = Answer<'events.get'>;

/** An event: its data, and what became of it everywhere. */
export default function EventPage(): ReactNode {
  const tenant = usePathParam('tenant');
  const id = usePathParam('id');
  const read = useQuery<{ readonly event: Event; readonly data: string | null }, Problem>({
    queryKey: ['events.get', { id }, { tenant }],
    queryFn: async ({ signal }) => {
      const text = await callText('events.get', { params: { id }, query: { tenant }, signal });
      return { event: JSON.parse(text) as Event, data: rawDataIn(text) };
    },
  });
  return (
    <div className="stack">
      <p className="crumbs">
        <Link to="/deliveries">Deliveries</Link> / event <Untrusted text={id} max={80} />
      </p>
      <Reading of={read} what="Reading the event…" height={480}>
        {({ event, data }) => (
          <div className="stack">
            <Head event={event} />
            <Facts event={event} />
            <Deliveries event={event} />
            <Card title="Data, as it was published">
              {event.data_deleted_at !== null ? (
                <p className="soft">
                  <DataDeleted at={event.data_deleted_at} />
                </p>
              ) : event.payloads === 'none' || data === null ? (
                <p className="soft">
                  Your key does not show payloads. Ask for one with <code>payloads: masked</code> or{' '}
                  <code>full</code>.
                </p>
              ) : (
                <Payload text={data} name="Data of the event" />
              )}
              {event.payloads === 'masked' && event.data_deleted_at === null ? (
                <p className="label">Card numbers, bank accounts and email addresses are masked.</p>
              ) : null}
            </Card>
          </div>
        )}
      </Reading>
    </div>
  );
}

function headingOf({ deliveries, integrity }: Event): { readonly level: Level; readonly text: string } {
  const count = (state: string): number => deliveries.filter((one) => one.state === state).length;
  if (integrity === 'corrupt')
    return { level: 'act', text: 'This event was changed in the database: it is not sent' };
  if (deliveries.length === 0) return { level: 'watch', text: 'No endpoint took this event' };
  const [dead, pending, delivered] = [count('dead'), count('pending'), count('delivered')];
  if (dead > 0)
    return {
      level: 'act',
      text: `${plural(dead, 'dead letter')} of ${plural(deliveries.length, 'delivery', 'deliveries')}`,
    };
  if (pending > 0)
    return {
      level: 'watch',
      text: `${pending} of ${plural(deliveries.length, 'delivery', 'deliveries')} pending`,
    };
  if (delivered === deliveries.length)
    return { level: 'well', text: delivered === 1 ? 'Delivered' : `Delivered to all ${delivered} endpoints` };
  return { level: 'watch', text: `Delivered to ${delivered} of ${plural(deliveries.length, 'endpoint')}` };
}

function Head({ event }: { event: Event }): ReactNode {
  const { level, text } = headingOf(event);
  const [isOpen, setOpen] = useState(false);
  const forbidden = useForbidden('replay');
  return (
    <Sentence
      level={level}
      lead={
        <>
          <Untrusted text={event.type} />
          {event.value === null ? ', of unknown worth' : `, worth ${moneyText(event.value)}`}, accepted{' '}
          <When at={event.accepted_at} precision="millisecond" />.
        </>
      }
      actions={
        <>
          <Button
            forbidden={event.data_deleted_at === null ? forbidden : cannotSendAgain}
            onClick={() => setOpen(true)}
          >
            Replay…
          </Button>
          <Copy text={location.href} label="Copy link" />
          {isOpen ? <ReplayToAll event={event} onClose={() => setOpen(false)} /> : null}
        </>
      }
    >
      {text}
    </Sentence>
  );
}

function Facts({ event }: { event: Event }): ReactNode {
  const { id, tenant, occurred_at: occurred, ordering_key: key, routing_keys: routing } = event;
  return (
    <Card>
      <dl className="facts">
        <div>
          <dt>Id</dt>
          <dd className="mono">
            <Untrusted text={id} max={255} />
          </dd>
        </div>
        <div>
          <dt>Tenant</dt>
          <dd>{tenant}</dd>
        </div>
        {occurred === null ? null : (
          <div>
            <dt>Occurred</dt>
            <dd>
              <When at={occurred} precision="millisecond" />
            </dd>
          </div>
        )}
        {key === null ? null : (
          <div>
            <dt>Ordering key</dt>
            <dd>
              <Link to="/deliveries" search={{ ordering_key: key, tenant, last: '30d' }}>
                <Untrusted text={key} max={80} />
              </Link>
            </dd>
          </div>
        )}
        {routing.length === 0 ? null : (
          <div>
            <dt>Routing keys</dt>
            <dd className="mono">{routing.join(', ')}</dd>
          </div>
        )}
        <div>
          <dt>Integrity</dt>
          <dd>{event.integrity}</dd>
        </div>
      </dl>
    </Card>
  );
}

function Deliveries({ event }: { event: Event }): ReactNode {
  const { id, tenant } = event;
  // The host of each endpoint comes with the list.
  const read = useRead('deliveries.list', {
    query: { tenant, event_id: id, limit: 200, include: 'endpoint' },
  });
  if (event.deliveries.length === 0) return null;
  return (
    <Card title="Deliveries">
      <Reading of={read} what="Reading its deliveries…" height={80}>
        {({ items, next_cursor: next }) => (
          <>
            <Table
              caption="Deliveries of this event"
              rows={items}
              keyOf={(one) => one.id}
              columns={[
                {
                  key: 'endpoint',
                  head: 'Endpoint',
                  phone: 'first',
                  cell: (one) => (
                    <Link to={`/deliveries/${one.id}`}>
                      <Untrusted text={one.endpoint?.host ?? one.endpoint_id} max={60} />
                    </Link>
                  ),
                },
                {
                  key: 'state',
                  head: 'State',
                  phone: 'end',
                  cell: (one) => <State name={one.state === 'delivered' && one.late ? 'late' : one.state} />,
                },
                { key: 'owner', head: 'Owner', phone: 'hidden', cell: (one) => one.endpoint?.owner ?? '' },
                {
                  key: 'tries',
                  head: 'Attempts',
                  isNumber: true,
                  phone: 'hidden',
                  cell: (one) => one.attempt_count,
                },
                {
                  key: 'settled',
                  head: (
                    <>
                      settled (<ZoneName />)
                    </>
                  ),
                  cell: (one) => (one.settled_at === null ? '–' : <When at={one.settled_at} />),
                },
              ]}
            />
            {next === null ? null : (
              <p>
                <Link to="/deliveries" search={{ tenant, event_id: id, last: '30d' }}>
                  All of them
                </Link>
              </p>
            )}
          </>
        )}
      </Reading>
    </Card>
  );
}

function ReplayToAll({ event, onClose }: { event: Event; onClose: () => void }): ReactNode {
  const { id, tenant } = event;
  const idempotencyKey = useMemo(newIdempotencyKey, []);
  const [isAsked, setAsked] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const replay = async (): Promise<void> => {
    setAsked(true);
    try {
      const answer = await call('events.replay', {
        params: { id },
        query: { tenant },
        body: {},
        idempotencyKey,
      });
      toast(`Replayed: ${plural(answer.delivery_ids.length, 'new delivery', 'new deliveries')}`);
      onClose();
      await refresh('events.get', 'deliveries.list');
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
      setAsked(false);
    }
  };
  return (
    <Dialog
      title="Replay this event"
      onClose={onClose}
      actions={
        <Button kind="go" onClick={() => void replay()}>
          {isAsked ? 'Asked…' : 'Replay'}
        </Button>
      }
    >
      <p>
        Every endpoint that would get it now gets it again, as a new delivery under the same webhook-id:
        receivers that deduplicate skip it.
      </p>
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}
