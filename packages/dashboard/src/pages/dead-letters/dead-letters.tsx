import './dead-letters.css';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { now, useNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { BulkDialog } from '../../parts/bulk-dialog.tsx';
import { Card } from '../../parts/card.tsx';
import { Empty, Reading } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { type Range, rangeFrom } from '../../range.ts';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { GroupList } from './group-list.tsx';
import { Triage } from './triage.tsx';
import { groupFilter, type Group, lead, rowsReadText, sentence, type State } from './words.ts';

const everyMs = 5000;

/** The window that was asked for; null: all there are. */
function useRange(): Range | null {
  const search = useQuerySearch();
  return search['last'] === undefined && search['since'] === undefined ? null : rangeFrom(search, now());
}

/** What will not arrive by itself, what it is worth, and whether it can be sent now. */
export default function DeadLetters(): ReactNode {
  const search = useQuerySearch();
  const range = useRange();
  const state: State = search['state'] === 'suppressed' ? 'suppressed' : 'dead';
  const { tenant, owner, endpoint_id: endpointId } = search;
  const times = range === null ? {} : { since: range.since, until: range.until };
  const groups = useRead(
    'deadLetters.list',
    { query: { state, tenant, owner, endpoint_id: endpointId, ...times, limit: 1000 } },
    { everyMs },
  );
  return (
    <div className="stack">
      <Reading of={groups} what="Counting the dead letters…" height={480}>
        {(answer) => (
          <Groups
            groups={answer.items}
            state={state}
            isComplete={answer.complete && answer.next_cursor === null}
            rowsRead={answer.rows_read}
            range={range}
          />
        )}
      </Reading>
    </div>
  );
}

/** The groups in the order of the list, the selected one, and the keys that move it. */
function useSelection(groups: readonly Group[], redrive: (group: Group | null) => void) {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const awake = groups.filter(({ snoozed_until: until }) => until === null);
  const snoozed = groups.filter(({ snoozed_until: until }) => until !== null);
  const shown = [...awake, ...snoozed];
  const asked = shown.find(({ group_id: id }) => id === search['group']);
  const selected = asked ?? shown[0];
  const move = (by: number): void => {
    const next = shown[shown.indexOf(selected!) + by];
    if (next !== undefined) setSearch({ group: next.group_id }, { replace: true });
  };
  useKeys([
    { keys: 'j', text: 'Next group', run: () => move(1) },
    { keys: 'k', text: 'Previous group', run: () => move(-1) },
    { keys: 'r', text: 'Redrive this group', run: () => redrive(selected ?? null) },
  ]);
  return { awake, shown, asked, selected };
}

function Summary({
  groups,
  state,
  isComplete,
  isAwake,
}: {
  groups: readonly Group[];
  state: State;
  isComplete: boolean;
  isAwake: boolean;
}): ReactNode {
  const nowMs = useNow();
  return groups.length === 0 ? (
    <Sentence level="well" lead={<NothingLead state={state} />}>
      {state === 'dead' ? 'No dead letters.' : 'No suppressed deliveries.'}
    </Sentence>
  ) : (
    <Sentence level={isAwake ? 'act' : 'watch'} lead={lead(groups, nowMs)}>
      {sentence(groups, state, isComplete)}
    </Sentence>
  );
}

function Groups({
  groups,
  state,
  isComplete,
  rowsRead,
  range,
}: {
  groups: readonly Group[];
  state: State;
  isComplete: boolean;
  rowsRead: number;
  range: Range | null;
}): ReactNode {
  const [redriving, setRedriving] = useState<Group | null>(null);
  const { awake, shown, asked, selected } = useSelection(groups, setRedriving);
  const times = range === null ? {} : { since: range.since, ...(range.until ? { until: range.until } : {}) };
  return (
    <div className="stack">
      <Summary groups={groups} state={state} isComplete={isComplete} isAwake={awake.length > 0} />
      <Filters groups={groups} state={state} range={range} />
      {isComplete ? null : (
        <p className="band" role="status">
          There are more than one answer reads: {rowsReadText(rowsRead)}, the newest of each endpoint. Narrow
          it by endpoint, owner or tenant.
        </p>
      )}
      {selected === undefined ? (
        <Nothing state={state} range={range} />
      ) : (
        <div className={asked === undefined ? 'triage' : 'triage triage-chosen'}>
          <Card>
            <GroupList groups={shown} selected={selected.group_id} />
          </Card>
          <Triage
            key={selected.group_id}
            group={selected}
            range={times}
            onRedrive={() => setRedriving(selected)}
          />
        </div>
      )}
      {redriving === null ? null : (
        <BulkDialog
          title={`Redrive ${redriving.count.toLocaleString('en')} at ${redriving.host}`}
          action={{ kind: 'redrive', filter: groupFilter(redriving, times) }}
          onClose={() => setRedriving(null)}
        />
      )}
    </div>
  );
}

function NothingLead({ state }: { state: State }): ReactNode {
  return state === 'dead'
    ? 'Whatever was accepted has arrived, is still being tried, or was cancelled.'
    : 'No endpoint was paused while events for it were accepted.';
}

function Nothing({ state, range }: { state: State; range: Range | null }): ReactNode {
  const last = useRead('redrives.list', { query: { limit: 1 } });
  const job = last.data?.items.find(({ dry_run: isDry }) => !isDry);
  return (
    <Card>
      <Empty>
        {state === 'dead' ? 'No dead letters' : 'No suppressed deliveries'}
        {range === null ? ' are stored' : ' in this window'}.{' '}
        {job === undefined ? (
          'When an endpoint fails until its schedule ends, what it missed is listed here, with what it is worth.'
        ) : (
          <>
            The last redrive began <When at={job.created_at} precision="minute" />:{' '}
            <Link to={`/redrives/${job.id}`}>{job.name ?? job.id}</Link>.
          </>
        )}
      </Empty>
    </Card>
  );
}

function Filters({
  groups,
  state,
  range,
}: {
  groups: readonly Group[];
  state: State;
  range: Range | null;
}): ReactNode {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const { group: _, state: __, ...kept } = search;
  return (
    <div className="stack dead-filters no-print">
      <Tabs
        label="What did not arrive"
        tabs={[
          { to: '/dead-letters', search: kept, name: 'Dead letters', isHere: state === 'dead' },
          {
            to: '/dead-letters',
            search: { ...kept, state: 'suppressed' },
            name: 'Suppressed',
            isHere: state === 'suppressed',
          },
          { to: '/redrives', name: 'Redrives', isHere: false },
          { to: '/replays', name: 'Replays', isHere: false },
        ]}
      />
      <div className="row">
        <OwnerFilter groups={groups} />
        {(['tenant', 'endpoint_id'] as const).map((name) =>
          search[name] === undefined ? null : (
            <button
              key={name}
              type="button"
              className="range-preset"
              aria-pressed="true"
              onClick={() => setSearch({ [name]: null, group: null })}
            >
              {name === 'tenant' ? 'tenant' : 'endpoint'} {search[name]} ✕
            </button>
          ),
        )}
        <button
          type="button"
          className="range-preset"
          aria-pressed={range === null}
          onClick={() => setSearch({ last: null, since: null, until: null })}
        >
          Any time
        </button>
        <RangePicker range={range ?? { since: '', last: '' }} />
      </div>
    </div>
  );
}

function OwnerFilter({ groups }: { groups: readonly Group[] }): ReactNode {
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const owners = [
    ...new Set([...groups.flatMap(({ owner }) => owner ?? []), ...(search['owner']?.split(',') ?? [])]),
  ].toSorted();
  if (owners.length === 0) return null;
  return (
    <label className="row dead-owner">
      <span className="label">Owner</span>
      <select
        className="select"
        value={search['owner'] ?? ''}
        onChange={(event) => setSearch({ owner: event.target.value, group: null })}
      >
        <option value="">Any owner</option>
        {owners.map((owner) => (
          <option key={owner} value={owner}>
            {owner}
          </option>
        ))}
      </select>
    </label>
  );
}
