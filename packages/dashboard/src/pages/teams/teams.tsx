import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Item } from '../../api.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { Card } from '../../parts/card.tsx';
import { sumMoney } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Untrusted, visible } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { type TeamRow, teamRows } from './rows.ts';

const liveMs = 10_000;
const all = { limit: 1000 };

const columns: readonly Column<TeamRow>[] = [
  {
    key: 'team',
    head: 'Team',
    phone: 'first',
    width: '24%',
    cell: ({ name, description }) => (
      <>
        <Link to="/teams/$team" params={{ team: name } as never}>
          <Untrusted text={name} />
        </Link>
        <div className="label">
          <Untrusted text={description} max={80} />
        </div>
      </>
    ),
  },
  {
    key: 'sends',
    head: 'Sends',
    cell: ({ types }) => (
      <>
        <span className="phone-only soft">sends </span>
        {types === 0 ? <span className="soft">nothing</span> : plural(types, 'type')}
      </>
    ),
  },
  {
    key: 'receives',
    head: 'Receives',
    cell: ({ endpoints, failing }) => (
      <>
        <span className="phone-only soft">receives </span>
        {endpoints === 0 ? (
          <span className="soft">nothing</span>
        ) : (
          <>
            <span className="phone-only soft">at </span>
            {plural(endpoints, 'endpoint')}
          </>
        )}
        {failing === 0 ? null : <div className="bad">▲ {countText(failing)} failing</div>}
      </>
    ),
  },
  {
    key: 'risk',
    head: 'Dead letters',
    isNumber: true,
    phone: 'end',
    cell: ({ dead, worth }) =>
      dead === 0 ? (
        <span className="soft">none dead</span>
      ) : (
        <>
          <span className="bad">{countText(dead)} dead</span>
          <div className="soft">
            <Amounts money={sumMoney(worth)} isShort none={<span className="label">of unknown worth</span>} />
          </div>
        </>
      ),
  },
  {
    key: 'objectives',
    head: 'Objectives kept',
    isNumber: true,
    phone: 'hidden',
    cell: ({ kept, objectives }) =>
      objectives === 0 ? (
        <span className="soft">none set</span>
      ) : (
        <span className={kept < objectives ? 'bad' : undefined}>
          {countText(kept)} of {countText(objectives)}
        </span>
      ),
  },
  {
    key: 'alerts',
    head: 'Alerts',
    isNumber: true,
    phone: 'hidden',
    cell: ({ alerts }) =>
      alerts === 0 ? <span className="soft">none</span> : <span className="wait">{countText(alerts)}</span>,
  },
  {
    key: 'conformance',
    head: 'Conformance',
    isNumber: true,
    phone: 'hidden',
    cell: ({ conforming, owned }) => (owned === 0 ? '–' : `${countText(conforming)} of ${countText(owned)}`),
  },
];

/** Who sends and receives what, and what is unowned. */
export default function Teams(): ReactNode {
  const options = { everyMs: liveMs };
  const teams = useRead('teams.list', { query: all }, options);
  const types = useRead('eventTypes.list', { query: all }, options);
  const endpoints = useRead('endpoints.list', { query: { ...all, include: 'health' } }, options);
  const slos = useRead('slos.list', { query: { ...all, include: 'status' } }, options);
  const alerts = useRead('alerts.list', { query: { ...all, state: 'firing' } }, options);
  const conformance = useRead('conformance.get', { query: all }, options);
  const readings = [teams, types, endpoints, slos, alerts, conformance];
  const failed = readings.find(({ data, error }) => data === undefined && error !== null);
  if (failed?.error !== undefined && failed.error !== null)
    return <Refusal problem={failed.error} onRetry={() => void failed.refetch()} />;
  if (
    teams.data === undefined ||
    types.data === undefined ||
    endpoints.data === undefined ||
    slos.data === undefined ||
    alerts.data === undefined ||
    conformance.data === undefined
  )
    return <Loading height={500} what="Reading what each team sends and receives…" />;
  const rows = teamRows({
    teams: teams.data.items,
    types: types.data.items,
    endpoints: endpoints.data.items,
    slos: slos.data.items,
    alerts: alerts.data.items,
    lacking: conformance.data.items,
  });
  const unowned = conformance.data.items.filter(({ missing }) => missing.includes('owner'));
  return (
    <div className="stack">
      <Sentence
        level={unowned.length > 0 ? 'act' : 'well'}
        lead="Health is of the last 24 hours by time of acceptance."
      >
        {rows.length === 0
          ? 'No team is declared yet.'
          : unowned.length === 0
            ? `${plural(rows.length, 'team')} own everything that is sent and received.`
            : `${plural(unowned.length, 'thing has', 'things have')} no owner: no team is notified of ${unowned.length === 1 ? 'it' : 'them'}.`}
      </Sentence>
      {unowned.length === 0 ? null : <Unowned items={unowned} endpoints={endpoints.data.items} />}
      <Card title="Teams">
        {rows.length === 0 ? (
          <Empty>
            Declare teams in <code>posthorn.yaml</code> and run <code>posthorn apply</code>: they own event
            types and endpoints, and are notified.
          </Empty>
        ) : (
          <Table caption="Teams" columns={columns} rows={rows} keyOf={({ name }) => name} />
        )}
      </Card>
    </div>
  );
}

/** What is unowned: the first thing to fix. */
function Unowned({
  items,
  endpoints,
}: {
  items: readonly Item<'conformance.get'>[];
  endpoints: readonly Item<'endpoints.list'>[];
}): ReactNode {
  const hostOf = new Map(endpoints.map(({ id, url }) => [id, new URL(url).host]));
  return (
    <Card title="Without an owner">
      <Table
        caption="Without an owner"
        rows={items}
        keyOf={({ kind, id }) => `${kind} ${id}`}
        columns={[
          {
            key: 'what',
            head: 'What',
            phone: 'first',
            cell: ({ kind, id }) =>
              kind === 'endpoint' ? (
                <Link to="/endpoints/$endpoint" params={{ endpoint: id } as never}>
                  {visible(hostOf.get(id) ?? id)}
                </Link>
              ) : (
                <span className="mono">
                  <Untrusted text={id} />
                </span>
              ),
          },
          {
            key: 'kind',
            head: 'Kind',
            phone: 'end',
            cell: ({ kind }) => (kind === 'endpoint' ? 'endpoint' : 'event type'),
          },
          {
            key: 'why',
            head: 'Why',
            cell: ({ owner }) =>
              owner === null ? (
                'it names no owner'
              ) : (
                <>
                  its owner, <Untrusted text={owner} />, is not a declared team
                </>
              ),
          },
        ]}
      />
    </Card>
  );
}
