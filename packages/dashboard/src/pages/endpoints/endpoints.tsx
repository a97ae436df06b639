import { Link } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Amounts } from '../../parts/amounts.tsx';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { HourBars } from '../../parts/hour-bars.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Loading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { State } from '../../parts/state.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { hostOf, Untrusted } from '../../parts/untrusted.tsx';
import { Ago } from '../../parts/when.tsx';
import { useRead, useReadPages } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { FirstRun } from './first-run.tsx';
import { inTimeText, listSummary, type ListedEndpoint } from './words.ts';
import './endpoints.css';

const liveMs = 5000;
const filterNames = ['q', 'owner', 'unowned', 'template', 'state', 'tenant'] as const;

const columns: readonly Column<ListedEndpoint>[] = [
  {
    key: 'state',
    head: 'State',
    phone: 'end',
    width: '22%',
    cell: ({ health }) => (
      <>
        <State name={health!.state} />
        {health!.note === null ? null : (
          <div className="label desktop-only">
            <Untrusted text={health!.note} max={200} />
          </div>
        )}
      </>
    ),
  },
  {
    key: 'endpoint',
    width: '20%',
    head: 'Endpoint',
    phone: 'first',
    cell: ({ id, url, name, description, health }) => (
      <>
        <Link to="/endpoints/$endpoint" params={{ endpoint: id } as never} className="endpoint-host">
          {hostOf(url)}
        </Link>
        <div className="label">
          <Untrusted text={[name, description].filter((part) => part !== null).join(' · ')} max={80} />
        </div>
        {health!.note === null ? null : (
          <div className="label phone-only">
            <Untrusted text={health!.note} max={200} />
          </div>
        )}
      </>
    ),
  },
  {
    key: 'in-time',
    width: '11%',
    head: 'In time, 24 h',
    isNumber: true,
    phone: 'below',
    cell: ({ health }) => (
      <>
        <span className="phone-only label">in time </span>
        {inTimeText(health!.in_time)}
      </>
    ),
  },
  {
    key: 'bars',
    width: '16%',
    head: 'By the hour',
    phone: 'hidden',
    cell: ({ health }) => <HourBars good={health!.bars.good} bad={health!.bars.bad} />,
  },
  {
    key: 'p99',
    width: '8%',
    head: 'p99',
    isNumber: true,
    phone: 'hidden',
    cell: ({ health }) => (health!.p99_ms === null ? '–' : durationText(health!.p99_ms)),
  },
  {
    key: 'waits',
    width: '10%',
    head: 'Waiting',
    isNumber: true,
    phone: 'below',
    cell: ({ health }) =>
      health!.pending === 0 ? (
        <span className="soft desktop-only">none</span>
      ) : (
        <>
          {countText(health!.pending)}
          <span className="phone-only"> waiting</span>
          {health!.oldest_due_at === null ? null : (
            <div className="label">
              due <Ago at={health!.oldest_due_at} />
            </div>
          )}
        </>
      ),
  },
  {
    key: 'dead',
    width: '13%',
    head: 'Dead letters',
    isNumber: true,
    cell: ({ id, health }) =>
      health!.dead === 0 ? (
        <span className="soft desktop-only">none</span>
      ) : (
        <>
          <Link to="/dead-letters" search={{ endpoint_id: id } as never} className="bad">
            {countText(health!.dead)}
            <span className="sr"> dead letters</span>
          </Link>
          <span className="phone-only"> dead</span>
          <div className="soft">
            <Amounts money={health!.worth} isShort none={<span className="label">of unknown worth</span>} />
          </div>
        </>
      ),
  },
];

/** Who needs help? One row an endpoint, in the order of need, by the team that owns it. */
export default function Endpoints(): ReactNode {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const isPortal = useMe().kind === 'portal';
  const query = Object.fromEntries(filterNames.map((name) => [name, search[name]]));
  const list = useReadPages(
    'endpoints.list',
    { query: { include: 'health', sort: search['sort'] ?? 'need', limit: 100, ...query } },
    { everyMs: liveMs },
  );
  if (list.data === undefined)
    return list.error === null ? (
      <Loading height={500} what="Reading how the endpoints are…" />
    ) : (
      <Refusal problem={list.error} onRetry={() => void list.refetch()} />
    );
  const items = list.data.pages.flatMap((page) => page.items);
  const isFiltered = filterNames.some((name) => search[name] !== undefined);
  if (items.length === 0 && !isFiltered) return <FirstRun />;
  const { level, sentence } = listSummary(
    items.map(({ health }) => health!),
    !list.hasNextPage,
  );
  const groups = Map.groupBy(items, ({ owner }) => owner);
  return (
    <div className="stack">
      <Sentence
        level={items.length === 0 ? 'well' : level}
        lead="The last 24 hours by time of acceptance; those that need attention first."
        actions={isPortal ? undefined : <NewEndpointButton />}
      >
        {items.length === 0 ? 'No endpoint fits this filter.' : sentence}
      </Sentence>
      <Filters isPortal={isPortal} />
      {items.length === 0 ? (
        <Empty>
          Nothing to show.{' '}
          <Button onClick={() => setSearch(Object.fromEntries(filterNames.map((name) => [name, null])))}>
            Show all endpoints
          </Button>
        </Empty>
      ) : null}
      {[...groups].map(([owner, endpoints]) => (
        <OwnerCard key={owner ?? ''} owner={owner} endpoints={endpoints} isPortal={isPortal} />
      ))}
      {list.hasNextPage ? (
        <Button onClick={() => void list.fetchNextPage()}>Show more endpoints</Button>
      ) : (
        <p className="label">{plural(items.length, 'endpoint')} shown.</p>
      )}
    </div>
  );
}

function NewEndpointButton(): ReactNode {
  const forbidden = useForbidden('operate');
  return forbidden === null ? (
    <Link to="/endpoints/new" className="button button-go">
      New endpoint
    </Link>
  ) : (
    <Button forbidden={forbidden}>New endpoint</Button>
  );
}

function OwnerCard({
  owner,
  endpoints,
  isPortal,
}: {
  owner: string | null;
  endpoints: readonly ListedEndpoint[];
  isPortal: boolean;
}): ReactNode {
  return (
    <Card
      title={
        isPortal ? (
          'Your endpoints'
        ) : owner === null ? (
          <span className="wait">No owner</span>
        ) : (
          <Link to="/teams/$team" params={{ team: owner } as never}>
            <Untrusted text={owner} />
          </Link>
        )
      }
    >
      <Table
        caption={
          isPortal
            ? 'Your endpoints'
            : owner === null
              ? 'Endpoints without an owner'
              : `Endpoints of ${owner}`
        }
        columns={columns}
        rows={endpoints}
        keyOf={({ id }) => id}
      />
    </Card>
  );
}

/** Which endpoints are shown, from the URL. */
function Filters({ isPortal }: { isPortal: boolean }): ReactNode {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const [text, setText] = useState(search['q'] ?? '');
  const teams = useRead('teams.list', { query: { limit: 200 } }, { enabled: !isPortal });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setSearch({ q: text });
  };
  const owner = search['unowned'] === 'true' ? '-' : (search['owner'] ?? '');
  return (
    <form className="row no-print endpoint-filters" onSubmit={submit} role="search">
      <input
        className="input"
        type="search"
        aria-label="Text in id, name, URL, description or owner"
        placeholder="Host, name, id or text"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value === '') setSearch({ q: null });
        }}
      />
      <select
        className="select"
        aria-label="State"
        value={search['state'] ?? ''}
        onChange={(event) => setSearch({ state: event.target.value })}
      >
        <option value="">Any state</option>
        {['failing', 'slowed', 'paused', 'healthy', 'idle'].map((state) => (
          <option key={state} value={state}>
            {state}
          </option>
        ))}
      </select>
      {isPortal ? null : (
        <select
          className="select"
          aria-label="Owner"
          value={owner}
          onChange={({ target: { value } }) =>
            setSearch(value === '-' ? { owner: null, unowned: 'true' } : { owner: value, unowned: null })
          }
        >
          <option value="">Any owner</option>
          <option value="-">No owner</option>
          {teams.data?.items.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
      <Button isSubmit>Search</Button>
    </form>
  );
}
