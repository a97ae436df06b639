import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { type Answer, call } from '../../api.ts';
import { useEndpointHosts } from '../../endpoint-hosts.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Chip, State } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { toast } from '../../parts/toast.tsx';
import { hostOf, Untrusted, visible } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { usePathParam } from '../../url.ts';
import { inTimeText } from '../endpoints/words.ts';
import { budgetText } from '../objectives/words.ts';
import { Matrix } from './matrix.tsx';
import '../endpoints/endpoints.css';

type Overview = Answer<'teams.overview'>;
type Party = Overview['receives'][number];

const liveMs = 10_000;
const levels = { ok: 'well', watch: 'watch', act: 'act' } as const;

/** One team: what it sends and receives, and how it goes at the other side. */
export default function Team(): ReactNode {
  const name = usePathParam('team');
  const overview = useRead('teams.overview', { params: { name } }, { everyMs: liveMs });
  if (overview.data === undefined)
    return overview.error === null ? (
      <Loading height={600} what="Reading what this team sends and receives…" />
    ) : overview.error.status === 404 ? (
      <Undeclared name={name} />
    ) : (
      <Refusal problem={overview.error} onRetry={() => void overview.refetch()} />
    );
  const team = overview.data;
  return (
    <div className="stack">
      <Sentence
        level={levels[team.level]}
        lead={
          <>
            {team.description === '' ? null : (
              <>
                <Untrusted text={team.description} />.{' '}
              </>
            )}
            Accepted from <When at={team.window.since} precision="minute" /> on
            {team.complete ? '' : '; more is at risk than was read'}.
          </>
        }
      >
        <Untrusted text={team.sentence} />
      </Sentence>
      <Card title="We send: our event types at the endpoints of others">
        <Matrix overview={team} side="sends" />
      </Card>
      <Card title="We receive: every event type at our endpoints">
        <Matrix overview={team} side="receives" />
      </Card>
      <Receives parties={team.receives} />
      <div className="two">
        <Objectives overview={team} />
        <Alerts overview={team} />
      </div>
      <div className="two">
        <Conformance overview={team} />
        <Channels names={team.channels} />
      </div>
    </div>
  );
}

/** An owner that is not a team: what names it, and how to fix it. */
function Undeclared({ name }: { name: string }): ReactNode {
  const owned = useRead('endpoints.list', { query: { owner: name, limit: 100 } });
  const endpoints = owned.data?.items ?? [];
  return (
    <div className="stack">
      <Sentence
        level="act"
        lead="Declare the team in posthorn.yaml and run posthorn apply, or correct the owner of what names it."
      >
        <Untrusted text={name} /> is not a declared team: no team is notified of what it owns.
      </Sentence>
      <Card title="Its endpoints">
        {endpoints.length === 0 ? (
          <Empty>No endpoint names it as its owner.</Empty>
        ) : (
          <ul className="endpoint-steps">
            {endpoints.map(({ id, url, description }) => (
              <li key={id}>
                <Link to="/endpoints/$endpoint" params={{ endpoint: id } as never}>
                  {hostOf(url)}
                </Link>
                {description === null ? null : (
                  <div className="label">
                    <Untrusted text={description} max={80} />
                  </div>
                )}
              </li>
            ))}
          </ul>
        )}
      </Card>
    </div>
  );
}

function Receives({ parties }: { parties: readonly Party[] }): ReactNode {
  if (parties.length === 0) return null;
  return (
    <Card title="Our endpoints">
      <Table
        caption="Endpoints of the team"
        rows={parties}
        keyOf={({ endpoint_id: id }) => id}
        columns={[
          {
            key: 'endpoint',
            head: 'Endpoint',
            phone: 'first',
            cell: ({ endpoint_id: id, host, name }) => (
              <>
                <Link to="/endpoints/$endpoint" params={{ endpoint: id } as never}>
                  {visible(host)}
                </Link>
                {name === null ? null : (
                  <div className="label">
                    <Untrusted text={name} />
                  </div>
                )}
              </>
            ),
          },
          { key: 'state', head: 'State', phone: 'end', cell: ({ state }) => <State name={state} /> },
          {
            key: 'in-time',
            head: 'In time, 24 h',
            isNumber: true,
            cell: ({ in_time: inTime }) => (
              <>
                <span className="phone-only soft">in time: </span>
                {inTimeText(inTime)}
              </>
            ),
          },
          {
            key: 'waits',
            head: 'Waits',
            isNumber: true,
            phone: 'hidden',
            cell: ({ pending }) => countText(pending),
          },
          {
            key: 'dead',
            head: 'Dead letters',
            isNumber: true,
            phone: 'hidden',
            cell: ({ dead }) => (dead === 0 ? 'none' : <span className="bad">{countText(dead)}</span>),
          },
        ]}
      />
    </Card>
  );
}

function Objectives({ overview }: { overview: Overview }): ReactNode {
  // The objective of an endpoint has its id for a name.
  const hosts = useEndpointHosts();
  return (
    <Card title="Objectives">
      {overview.objectives.length === 0 ? (
        <Empty>No objective names this team.</Empty>
      ) : (
        <Table
          caption="Objectives"
          rows={overview.objectives}
          keyOf={({ name, side }) => `${name} ${side}`}
          columns={[
            {
              key: 'name',
              head: 'Objective',
              phone: 'first',
              cell: ({ name, side, other }) => (
                <>
                  <Link to="/objectives/$objective" params={{ objective: name } as never}>
                    <Untrusted text={hosts(name)} />
                  </Link>
                  <div className="label">
                    {side === 'sender' ? 'we send' : 'we receive'}
                    {other === null ? '' : `; the other side is ${visible(other)}`}
                  </div>
                </>
              ),
            },
            {
              key: 'kept',
              head: 'Kept',
              phone: 'end',
              cell: ({ kept }) => (
                <Chip tone={kept ? 'good' : 'bad'} glyph={kept ? '●' : '✕'}>
                  {kept ? 'kept' : 'broken'}
                </Chip>
              ),
            },
            {
              key: 'left',
              head: 'Our budget left',
              isNumber: true,
              cell: ({ budget_remaining: left }) => (
                <>
                  <span className="phone-only soft">our budget left: </span>
                  {left === null ? (
                    'nothing due'
                  ) : (
                    <span className={left < 0 ? 'bad' : undefined}>{budgetText(left)}</span>
                  )}
                </>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

function Alerts({ overview }: { overview: Overview }): ReactNode {
  return (
    <Card title="Alerts">
      {overview.alerts.length === 0 ? (
        <Empty>No alert of this team fires.</Empty>
      ) : (
        <ul className="endpoint-steps">
          {overview.alerts.map(({ id, severity, summary, since }) => (
            <li key={id}>
              <Chip tone={severity === 'page' ? 'bad' : 'wait'}>{severity}</Chip> <Untrusted text={summary} />
              <div className="label">
                since <When at={since} />
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

const lacks = {
  declaration: 'a declaration',
  template: 'a template',
  slo: 'an objective',
  owner: 'an owner',
} as const;

/** What the team owns and what it lacks, with the YAML that a fix begins with. */
function Conformance({ overview: { name, conformance, receives } }: { overview: Overview }): ReactNode {
  const hosts = new Map(receives.map(({ endpoint_id: id, host }) => [id, host]));
  const types = conformance.items.filter(({ kind }) => kind === 'event_type');
  const yaml = [
    'event_types:',
    ...types.map(({ id }) => `  ${id}: { owner: ${name}, template: standard }`),
  ].join('\n');
  return (
    <Card title="Conformance">
      <p>
        {conformance.total === 0
          ? 'The team owns nothing.'
          : `${countText(conformance.conforming)} of ${plural(conformance.total, 'thing')} that the team owns ${conformance.conforming === 1 ? 'has' : 'have'} an owner, a template and an objective.`}
      </p>
      {conformance.items.length === 0 ? null : (
        <ul>
          {conformance.items.map(({ kind, id, missing }) => (
            <li key={`${kind} ${id}`}>
              <span className="mono">
                <Untrusted text={hosts.get(id) ?? id} />
              </span>{' '}
              lacks {missing.map((one) => lacks[one]).join(' and ')}
            </li>
          ))}
        </ul>
      )}
      {types.length === 0 ? null : <Copy text={yaml} label="Copy the YAML that fixes the types" />}
    </Card>
  );
}

function Channels({ names }: { names: readonly string[] }): ReactNode {
  const forbidden = useForbidden('operate');
  const test = async (name: string): Promise<void> => {
    try {
      await call('channels.test', { params: { name }, body: {} });
      toast(`A test was sent to ${visible(name)}.`);
    } catch (error) {
      toast(error instanceof Error ? error.message : 'The channel could not be tested.', 'bad');
    }
  };
  return (
    <Card title="Channels">
      {names.length === 0 ? (
        <Empty>The team does not have its own channel: every channel is notified instead.</Empty>
      ) : (
        <ul className="endpoint-steps">
          {names.map((name) => (
            <li key={name} className="row">
              <Untrusted text={name} />
              <Button forbidden={forbidden} onClick={() => void test(name)}>
                Send a test
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
