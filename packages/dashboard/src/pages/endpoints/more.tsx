import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Answer } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Chip, State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { Ago, When, ZoneName } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';
import { FilterDialog } from './filter-dialog.tsx';
import { scheduleText } from './schedule.ts';

type Endpoint = Answer<'endpoints.get'>;

const liveMs = 10_000;
const secondMs = 1000;

const overrides = { timeout_ms: 'timeout', deliver_within_s: 'deadline', retry: 'retry schedule' } as const;

function Fact({
  name,
  isMono = false,
  children,
}: {
  name: string;
  isMono?: boolean;
  children: ReactNode;
}): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={isMono ? 'mono' : undefined}>{children}</dd>
    </div>
  );
}

/** Deadline, retries and timeout: the endpoint's, and its template's where they differ. */
function PolicyFacts({ endpoint, isPortal }: { endpoint: Endpoint; isPortal: boolean }): ReactNode {
  const { template, overrides: own, retry } = endpoint;
  const followed = useRead(
    'templates.get',
    { params: { name: template ?? '' } },
    { enabled: template !== null && own.length > 0 && !isPortal },
  );
  /** What the template says, struck through where the endpoint says otherwise. */
  const instead = (
    field: (typeof own)[number],
    textOf: (template: Answer<'templates.get'>) => string,
  ): ReactNode =>
    own.includes(field) && followed.data !== undefined ? (
      <>
        <del className="soft" title={`What the template ${template ?? ''} says`}>
          {textOf(followed.data)}
        </del>{' '}
      </>
    ) : null;
  return (
    <>
      <Fact name="Deadline">
        {instead('deliver_within_s', (one) => durationText(one.deliver_within_s * secondMs))}
        {durationText(endpoint.deliver_within_s * secondMs)} after acceptance
      </Fact>
      <Fact name="Retries">
        {instead('retry', (one) => scheduleText(one.retry ?? retry))}
        {scheduleText(retry)}
      </Fact>
      <Fact name="Timeout">
        {instead('timeout_ms', (one) => durationText(one.timeout_ms))}
        {durationText(endpoint.timeout_ms)}
      </Fact>
    </>
  );
}

/** How it is set: the URL, what it gets, and its limits. */
export function SettingsCard({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const { template, overrides: own } = endpoint;
  const [isTrying, setTrying] = useState(false);
  const isPortal = useMe().kind === 'portal';
  return (
    <Card title="Settings" actions={<Copy text={endpoint.id} label="Copy its id" />}>
      <dl className="facts">
        <Fact name="URL" isMono>
          <Untrusted text={endpoint.url} /> <Copy text={endpoint.url} label="Copy the URL" />
        </Fact>
        <Fact name="Event types" isMono>
          <Untrusted text={endpoint.event_types.join(', ')} />
        </Fact>
        {endpoint.routing_keys === null ? null : (
          <Fact name="Routing keys" isMono>
            {endpoint.routing_keys.join(', ')}
          </Fact>
        )}
        {endpoint.description === null ? null : (
          <Fact name="Description">
            <Untrusted text={endpoint.description} />
          </Fact>
        )}
        <Fact name="Owner">
          {endpoint.owner === null ? (
            <span className="wait">no owner</span>
          ) : (
            <Untrusted text={endpoint.owner} />
          )}
        </Fact>
        <Fact name="Template">
          {template === null ? 'none' : <Untrusted text={template} />}
          {own.length === 0 || template === null ? null : (
            <span className="soft"> but its own {own.map((field) => overrides[field]).join(', ')}</span>
          )}
        </Fact>
        <PolicyFacts endpoint={endpoint} isPortal={isPortal} />
        <Fact name="Limits">
          {endpoint.max_in_flight} attempts at once
          {endpoint.concurrency === 'adaptive' ? ' at most, adapting to its answers' : ''}
          {endpoint.rate_limit_per_s === null ? '' : `, ${endpoint.rate_limit_per_s} a second`}
        </Fact>
        <Fact name="Order">
          {endpoint.ordering === 'none'
            ? 'none'
            : `by key; a dead letter ${endpoint.on_dead === 'block' ? 'blocks its key' : 'is skipped'}`}
        </Fact>
        <Fact name="Filter" isMono>
          {endpoint.filter === null ? 'none' : <Untrusted text={JSON.stringify(endpoint.filter)} max={400} />}{' '}
          {isPortal ? null : <Button onClick={() => setTrying(true)}>Try a filter…</Button>}
        </Fact>
        <Fact name="Changed">
          <When at={endpoint.updated_at} />
        </Fact>
      </dl>
      {isTrying ? <FilterDialog endpoint={endpoint} onClose={() => setTrying(false)} /> : null}
    </Card>
  );
}

/** The newest deliveries. */
export function DeliveriesCard({ id }: { id: string }): ReactNode {
  const list = useRead('deliveries.list', { query: { endpoint_id: id, limit: 10 } }, { everyMs: liveMs });
  return (
    <Card
      title="Newest deliveries"
      actions={
        <Link to="/deliveries" search={{ endpoint_id: id } as never}>
          All of them
        </Link>
      }
    >
      <Reading of={list} what="Reading the newest deliveries…" height={240}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty>Nothing was accepted for this endpoint yet.</Empty>
          ) : (
            <Table
              caption="Newest deliveries"
              rows={items}
              keyOf={(one) => one.id}
              columns={[
                { key: 'state', head: 'State', phone: 'end', cell: ({ state }) => <State name={state} /> },
                {
                  key: 'at',
                  head: (
                    <>
                      Accepted (<ZoneName />)
                    </>
                  ),
                  cell: ({ created_at: at }) => <When at={at} />,
                },
                {
                  key: 'type',
                  head: 'Event type',
                  phone: 'first',
                  cell: ({ id: delivery, event_type: type }) => (
                    <Link to="/deliveries/$delivery" params={{ delivery } as never}>
                      <Untrusted text={type} />
                    </Link>
                  ),
                },
                {
                  key: 'tries',
                  head: 'Attempts',
                  isNumber: true,
                  phone: 'hidden',
                  cell: ({ attempt_count: count }) => count,
                },
                {
                  key: 'last',
                  head: 'Last error',
                  phone: 'hidden',
                  cell: ({ last_error: error }) =>
                    error === null ? '' : <span className="mono">{error.status_code ?? error.class}</span>,
                },
              ]}
            />
          )
        }
      </Reading>
    </Card>
  );
}

/** Alerts about this endpoint, those that fire first. */
export function AlertsCard({ id }: { id: string }): ReactNode {
  const list = useRead('alerts.list', { query: { endpoint_id: id, limit: 10 } }, { everyMs: liveMs });
  return (
    <Card title="Alerts">
      <Reading of={list} what="Reading alerts…">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>No alert of the last 30 days is about this endpoint.</Empty>
          ) : (
            <ul className="endpoint-steps">
              {items.map((alert) => (
                <li key={alert.id}>
                  <Chip
                    tone={alert.state === 'resolved' ? 'off' : alert.severity === 'page' ? 'bad' : 'wait'}
                  >
                    {alert.state === 'resolved' ? 'resolved' : alert.severity}
                  </Chip>{' '}
                  <Untrusted text={alert.summary} />
                  <div className="label">
                    since <When at={alert.since} />
                    {alert.acknowledged_at === null ? null : ', acknowledged'}
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Reading>
    </Card>
  );
}

/** Who changed what. */
export function ChangesCard({ id }: { id: string }): ReactNode {
  const forbidden = useForbidden('admin');
  const list = useRead(
    'auditLog.list',
    { query: { target_kind: 'endpoint', target: id, limit: 10 } },
    { enabled: forbidden === null },
  );
  if (forbidden !== null)
    return (
      <Card title="Changes">
        <Empty>The audit log says who changed this endpoint. {forbidden}</Empty>
      </Card>
    );
  return (
    <Card title="Changes">
      <Reading of={list} what="Reading the audit log…">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>The audit log does not contain a change of this endpoint.</Empty>
          ) : (
            <ul className="endpoint-steps">
              {items.map((entry) => (
                <li key={entry.sequence}>
                  <span className="mono">{visible(entry.action)}</span> by{' '}
                  <Untrusted text={entry.actor.name} />
                  <div className="label">
                    <Ago at={entry.at} />
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Reading>
    </Card>
  );
}
