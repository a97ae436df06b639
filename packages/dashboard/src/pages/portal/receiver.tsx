import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer, Item } from '../../api.ts';
import { now } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { hostOf, Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { rangeFrom } from '../../range.ts';
import { useMe } from '../../session.tsx';
import { useQuerySearch } from '../../url.ts';

type Endpoint = Item<'endpoints.list'>;
type Accounting = Answer<'accounting.get'>;

const liveMs = 5000;

/** A receiver's own: what was sent to it, its endpoints, and what it may be sent. */
export function Receiver(): ReactNode {
  const { expires_at: endsAt } = useMe();
  const range = rangeFrom(useQuerySearch(), now());
  const { last: _, ...window } = range;
  const ledger = useRead('accounting.get', { query: window as never }, { everyMs: liveMs });
  const endpoints = useRead('endpoints.list', { query: { limit: 1000 } }, { everyMs: liveMs });
  const types = useRead('eventTypes.list', { query: { limit: 1000 } });
  return (
    <div className="stack">
      <Reading of={ledger} what="Counting what was sent to you…" height={220}>
        {(counted) => (
          <div className="stack">
            <Summary of={counted} />
            <RangePicker range={range} />
            <Equation of={counted} />
          </div>
        )}
      </Reading>
      <Card title="Your endpoints">
        <Reading of={endpoints} what="Reading your endpoints…" height={120}>
          {({ items }) => <EndpointTable endpoints={items} />}
        </Reading>
      </Card>
      <Card title="What you can be sent">
        <Reading of={types} what="Reading the event types…" height={120}>
          {({ items }) => <Catalog types={items} />}
        </Reading>
      </Card>
      {endsAt === null ? null : (
        <p className="soft">
          This link works until <When at={endsAt} precision="minute" />. Ask the person who sent it for
          another one.
        </p>
      )}
    </div>
  );
}

function Summary({
  of: { dead, suppressed, pending, accepted, value_at_risk: risk },
}: {
  of: Accounting;
}): ReactNode {
  const stuck = dead + suppressed;
  const worth = moneyLine(risk);
  return (
    <Sentence
      level={stuck > 0 ? 'act' : pending > 0 ? 'watch' : 'well'}
      lead={
        <>
          Have you got everything? <Link to={'/missed' as string}>Compare with what you processed</Link>.
        </>
      }
    >
      {accepted === 0
        ? 'Nothing was sent to you in this time.'
        : stuck > 0
          ? `${plural(stuck, 'notification')} did not reach you${worth === '' ? '' : `, worth ${worth}`}${pending === 0 ? '.' : `; ${countText(pending)} are on their way.`}`
          : pending > 0
            ? `${plural(pending, 'notification')} ${pending === 1 ? 'is' : 'are'} on the way to you; all others reached you.`
            : `Every notification of this time reached you: ${countText(accepted)}.`}
    </Sentence>
  );
}

const parts = [
  ['delivered', 'reached you', 'good'],
  ['pending', 'on their way', 'wait'],
  ['dead', 'given up', 'bad'],
  ['suppressed', 'kept back', 'held'],
  ['cancelled', 'cancelled', 'off'],
] as const;

/** Everything that was sent is in exactly one of the others. */
function Equation({ of }: { of: Accounting }): ReactNode {
  return (
    <Card>
      <dl className="portal-equation">
        <div>
          <dt>sent to you</dt>
          <dd className="figure">{countText(of.accepted)}</dd>
        </div>
        {parts.map(([state, words, tone]) => (
          <div key={state}>
            <dt>{words}</dt>
            <dd className={of[state] === 0 ? 'figure soft' : `figure ${tone}`}>
              {of[state] === 0 ? (
                '0'
              ) : (
                <Link to={'/deliveries' as string} search={{ state } as never} className={tone}>
                  {countText(of[state])}
                </Link>
              )}
            </dd>
          </div>
        ))}
      </dl>
      <p className="label">
        Counted by the {of.window.resolution}: {countText(of.accepted)} ={' '}
        {parts.map(([state]) => countText(of[state])).join(' + ')}
        {of.unaccounted === 0 ? '' : ` + ${countText(of.unaccounted)} unaccounted`}
      </p>
    </Card>
  );
}

function EndpointTable({ endpoints }: { endpoints: readonly Endpoint[] }): ReactNode {
  if (endpoints.length === 0) return <Empty>You have no endpoint yet.</Empty>;
  return (
    <Table
      caption="Your endpoints"
      rows={endpoints}
      keyOf={({ id }) => id}
      columns={[
        {
          key: 'host',
          head: 'Endpoint',
          phone: 'first',
          cell: ({ id, url, description }) => (
            <>
              <Link to={`/endpoints/${id}` as string}>{hostOf(url)}</Link>
              {description === null || description === '' ? null : (
                <>
                  <br />
                  <span className="soft">
                    <Untrusted text={description} max={80} />
                  </span>
                </>
              )}
            </>
          ),
        },
        {
          key: 'state',
          head: 'State',
          phone: 'end',
          cell: ({ enabled, paused_reason: reason }) =>
            enabled ? (
              <State name="healthy" word="on" />
            ) : (
              <State name="paused" word={reason === null ? 'paused' : `paused: ${reason}`} />
            ),
        },
        {
          key: 'types',
          head: 'Gets',
          cell: ({ event_types: types }) => <Untrusted text={types.join(', ')} max={80} />,
        },
        {
          key: 'missed',
          head: <span className="sr">Missed</span>,
          cell: ({ id }) => (
            <Link to={'/missed' as string} search={{ endpoint_id: id } as never} className="nowrap">
              What did you miss?
            </Link>
          ),
        },
      ]}
    />
  );
}

function Catalog({ types }: { types: Answer<'eventTypes.list'>['items'] }): ReactNode {
  if (types.length === 0) return <Empty>No event type is described here. Ask the sender.</Empty>;
  return types.map(({ name, description, schema }) => (
    <details key={name} className="portal-type">
      <summary>
        <strong>{name}</strong>{' '}
        <span className="soft">
          <Untrusted text={description} max={120} />
        </span>
      </summary>
      {schema === undefined ? (
        <Empty>Its data does not have a schema.</Empty>
      ) : (
        <pre tabIndex={0}>{JSON.stringify(schema, null, 2)}</pre>
      )}
    </details>
  ));
}
