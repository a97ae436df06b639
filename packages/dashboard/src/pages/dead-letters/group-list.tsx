import { type ReactNode, useMemo } from 'react';
import { now, useOfNow } from '../../clock.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Chip, states } from '../../parts/state.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { stringifySearch, useQuerySearch, useSetSearch } from '../../url.ts';
import { failureText, type Group, verdictOn } from './words.ts';

/** Groups, each a link to its triage beside it. */
export function GroupList({ groups, selected }: { groups: readonly Group[]; selected: string }): ReactNode {
  const { group: _, ...others } = useQuerySearch();
  const filters = stringifySearch(others);
  const columns = useMemo(() => [whereColumn(filters), ...otherColumns], [filters]);
  return (
    <Table
      caption="Groups of what did not arrive, by endpoint and failure"
      rows={groups}
      keyOf={({ group_id: id }) => id}
      selected={selected}
      rowProps={({ snoozed_until: until }) => (until === null ? {} : { className: 'is-snoozed' })}
      columns={columns}
    />
  );
}

const whereColumn = (filters: string): Column<Group> => ({
  key: 'where',
  head: 'Where and why',
  phone: 'first',
  cell: (group, isSelected) => <Where group={group} isSelected={isSelected} filters={filters} />,
});

const otherColumns: readonly Column<Group>[] = [
  {
    key: 'worth',
    head: 'Worth',
    isNumber: true,
    phone: 'end',
    cell: ({ value_at_risk: value }) => (
      <div className="dead-worth">
        <Amounts money={value} isShort none={<span className="soft">not known</span>} />
      </div>
    ),
  },
  {
    key: 'owner',
    head: 'Owner',
    phone: 'hidden',
    cell: ({ owner }) =>
      owner === null ? <span className="wait nowrap">no owner</span> : <Untrusted text={owner} max={24} />,
  },
  {
    key: 'count',
    head: 'Dead letters',
    isNumber: true,
    phone: 'hidden',
    cell: ({ count, partial }) => `${partial ? '≥ ' : ''}${countText(count)}`,
  },
];

/** A link to a group's triage. The router's own links each work out their URL again after every key: for hundreds that was most of its time. */
function GroupLink({ group, isSelected, filters }: WhereProps): ReactNode {
  const setSearch = useSetSearch();
  const { group_id: id } = group;
  return (
    <a
      href={`/dead-letters${filters === '' ? '?' : `${filters}&`}group=${encodeURIComponent(id)}`}
      className="dead-host"
      aria-current={isSelected ? 'true' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        setSearch({ group: id });
      }}
    >
      <Untrusted text={group.host || group.endpoint_id} max={60} />
    </a>
  );
}

interface WhereProps {
  readonly group: Group;
  readonly isSelected: boolean;
  /** The query of the page besides the group. */
  readonly filters: string;
}

function Where({ group, isSelected, filters }: WhereProps): ReactNode {
  const { glyph, tone } = states[group.state];
  const verdict = verdictOn(group, now());
  const age = useOfNow((nowMs) => durationText(nowMs - Date.parse(group.oldest_at)));
  return (
    <div className="dead-where">
      <span className={tone} aria-hidden="true">
        {glyph}
      </span>
      <div>
        <GroupLink group={group} isSelected={isSelected} filters={filters} />
        <p className="soft">
          <code>{failureText(group)}</code>
          {group.message === null ? null : (
            <>
              {' '}
              “<Untrusted text={group.message} max={70} />”
            </>
          )}
          {' · '}oldest {age}
        </p>
        <p className="row dead-chips">
          <Chip
            tone={verdict.tone}
            glyph={verdict.tone === 'good' ? '●' : verdict.tone === 'held' ? '‖' : '▲'}
          >
            {verdict.short}
          </Chip>
          {group.snoozed_until === null ? null : (
            <Chip tone="off" glyph="◷">
              snoozed until <When at={group.snoozed_until} precision="minute" />
            </Chip>
          )}
          {group.blocked_keys === 0 ? null : (
            <Chip tone="wait" glyph="◐">
              blocks {plural(group.blocked_keys, 'key')}
            </Chip>
          )}
          <span className="phone-only label">
            {plural(group.count, 'letter')} · {group.owner ?? 'no owner'}
          </span>
        </p>
      </div>
    </div>
  );
}
