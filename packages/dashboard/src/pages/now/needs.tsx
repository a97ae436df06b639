import { type ReactNode, useRef } from 'react';
import { useKeys } from '../../keys.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { Card } from '../../parts/card.tsx';
import { plural } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago } from '../../parts/when.tsx';
import { PathLink } from './equation.tsx';
import { around, type Need, needLook, type Now } from './words.ts';

/** The sentence of a need, with what it is about in bold. */
export function NeedText({ need }: { need: Need }): ReactNode {
  const [before, subject, after] = around(need.summary, need.subject);
  return (
    <>
      <Untrusted text={before} />
      {subject === '' ? null : (
        <strong>
          <Untrusted text={subject} />
        </strong>
      )}
      <Untrusted text={after} />
    </>
  );
}

const columns: readonly Column<Need>[] = [
  {
    key: 'what',
    head: 'What',
    phone: 'below',
    cell: (need) => {
      const { glyph, tone, word } = needLook(need);
      return (
        <div className="need-what">
          <span className={tone} aria-hidden="true">
            {glyph}
          </span>
          <div>
            <span className="sr">{word}: </span>
            <NeedText need={need} />
            <div className="soft">
              <Untrusted text={need.detail} max={220} />
              {need.acknowledged_at === null ? null : (
                <>
                  {need.detail === '' ? '' : '; '}acknowledged <Ago at={need.acknowledged_at} />
                </>
              )}
            </div>
          </div>
        </div>
      );
    },
  },
  {
    key: 'worth',
    head: 'Worth',
    isNumber: true,
    phone: 'below',
    width: '260px',
    cell: ({ value }) => <Amounts money={value} />,
  },
  {
    key: 'owner',
    head: 'Owner',
    phone: 'below',
    width: '140px',
    cell: ({ owner }) =>
      owner === null ? <span className="soft">no owner</span> : <Untrusted text={owner} max={30} />,
  },
  {
    key: 'action',
    head: <span className="sr">action</span>,
    isNumber: true,
    phone: 'below',
    width: '150px',
    cell: ({ action }) =>
      action === null ? null : (
        <PathLink path={action.path} className="button">
          {action.label}
        </PathLink>
      ),
  },
];

const keyOf = ({ kind, endpoint_id: endpoint, alert_id: alert, subject }: Need): string =>
  `${kind} ${endpoint ?? alert ?? subject ?? ''}`;

/** What needs attention: at most seven, the most severe first. */
export function Needs({ now }: { now: Now }): ReactNode {
  const all = now.needs.length + now.more_needs;
  const list = useRef<HTMLDivElement>(null);
  const move = (by: number): void => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>('a.button') ?? [])];
    const here = links.findIndex((link) => link === document.activeElement);
    links[here < 0 ? 0 : here + by]?.focus();
  };
  useKeys([
    { keys: 'j', text: 'Next of what needs attention', run: () => move(1) },
    { keys: 'k', text: 'The one before', run: () => move(-1) },
  ]);
  return (
    <div className="now-needs" ref={list}>
      <Card title={all === 0 ? 'Needs attention' : `Needs attention (${all})`}>
        {all === 0 ? (
          <Empty>
            Nothing does. Dead letters, failing and paused endpoints, burning objectives and endpoints without
            an owner would be listed here.
          </Empty>
        ) : (
          <Table
            caption="What needs attention, the most severe first"
            columns={columns}
            rows={now.needs}
            keyOf={keyOf}
          />
        )}
        {now.more_needs === 0 ? null : (
          <p className="soft">
            and {plural(now.more_needs, 'more', 'more')}: the pages of endpoints and dead letters have them
            all
          </p>
        )}
      </Card>
    </div>
  );
}
