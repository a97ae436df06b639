import { Link } from '@tanstack/react-router';
import { memo, type ReactNode } from 'react';
import { useNow } from '../../clock.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { countText, plural } from '../../parts/number.ts';
import { Chip, states } from '../../parts/state.tsx';
import { Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import type { Search } from '../../url.ts';
import { failureText, type Group, verdictOn } from './words.ts';

/** Groups, each a link to its triage beside it. */
export function GroupList({ groups, selected }: { groups: readonly Group[]; selected: string }): ReactNode {
  return (
    <Table
      caption="Groups of what did not arrive, by endpoint and failure"
      rows={groups}
      keyOf={({ group_id: id }) => id}
      rowProps={({ group_id: id, snoozed_until: until }) => ({
        className: [id === selected ? 'is-selected' : '', until === null ? '' : 'is-snoozed']
          .join(' ')
          .trim(),
      })}
      columns={[
        {
          key: 'where',
          head: 'Where and why',
          phone: 'first',
          cell: (group) => <Where group={group} isSelected={group.group_id === selected} />,
        },
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
            owner === null ? (
              <span className="wait nowrap">no owner</span>
            ) : (
              <Untrusted text={owner} max={24} />
            ),
        },
        {
          key: 'count',
          head: 'Dead letters',
          isNumber: true,
          phone: 'hidden',
          cell: ({ count, partial }) => `${partial ? '≥ ' : ''}${countText(count)}`,
        },
      ]}
    />
  );
}

/** Drawn again only for the group that is left and the one that is chosen: a key moves through hundreds. */
const Where = memo(function Where({ group, isSelected }: { group: Group; isSelected: boolean }): ReactNode {
  const nowMs = useNow();
  const { glyph, tone } = states[group.state];
  const verdict = verdictOn(group, nowMs);
  return (
    <div className="dead-where">
      <span className={tone} aria-hidden="true">
        {glyph}
      </span>
      <div>
        <Link
          to="/dead-letters"
          search={((before: Search) => ({ ...before, group: group.group_id })) as never}
          className="dead-host"
          aria-current={isSelected ? 'true' : undefined}
        >
          <Untrusted text={group.host || group.endpoint_id} max={60} />
        </Link>
        <p className="soft">
          <code>{failureText(group)}</code>
          {group.message === null ? null : (
            <>
              {' '}
              “<Untrusted text={group.message} max={70} />”
            </>
          )}
          {' · '}oldest {durationText(nowMs - Date.parse(group.oldest_at))}
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
});
