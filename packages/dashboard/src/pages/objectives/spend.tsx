import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Answer } from '../../api.ts';
import { usePreferences } from '../../preferences.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { countText, percent, plural } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { timeText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { now } from '../../clock.ts';
import { causeText, isErrorClass, sideMarks } from './words.ts';

type Spends = Answer<'slos.spend'>;
type Spend = Spends['items'][number];

const dayMs = 86_400_000;

/** `on 24 Nov`, `from 5 to 9 Nov`, `since 24 Nov`: days are UTC days, in whatever zone. */
function daysText({ since, until }: Spend): string {
  const day = (ms: number): string => timeText(ms, 'utc', 'day', now());
  const first = Date.parse(since);
  const last = Date.parse(until) - dayMs;
  const isToday = Date.parse(until) > now();
  if (first === last) return isToday ? 'today' : `on ${day(first)}`;
  return isToday ? `since ${day(first)}` : `from ${day(first)} to ${day(last)}`;
}

/** The deliveries that a row speaks of. */
function searchFor({ endpoint, cause, since, until, side }: Spend): Readonly<Record<string, string>> {
  return {
    endpoint_id: endpoint.id,
    since,
    until,
    ...(side === 'receiver' && isErrorClass(cause) ? { error_class: cause } : {}),
  };
}

const columns: readonly Column<Spend>[] = [
  {
    key: 'what',
    head: 'Endpoint and cause',
    phone: 'first',
    cell: (spend) => (
      <span className="spend-what">
        <span className={`side-mark side-${spend.side}`} aria-hidden="true">
          {sideMarks[spend.side].glyph}
        </span>
        <span>
          <span className="sr">{spend.side === 'sender' ? 'The sender: ' : 'The receiver: '}</span>
          <Link to="/deliveries" search={searchFor(spend)}>
            <Untrusted text={spend.endpoint.name ?? spend.endpoint.host} max={40} />
          </Link>
          : {causeText(spend.cause)} {daysText(spend)}
          <OtherFailures spend={spend} />
        </span>
      </span>
    ),
  },
  {
    key: 'bad',
    head: 'Late or dead',
    isNumber: true,
    phone: 'end',
    cell: ({ bad }) => countText(bad),
  },
  {
    key: 'budget',
    head: 'Of the budget',
    isNumber: true,
    cell: ({ of_budget: share }) => (
      <>
        <span className="phone-only soft">of the budget: </span>
        {share === null ? '–' : percent(share)}
      </>
    ),
  },
  {
    key: 'worth',
    head: 'Worth',
    isNumber: true,
    cell: ({ worth, unknown_worth: unknown }) => (
      <>
        <Amounts money={worth} />
        {unknown === 0 ? null : (
          <span className="label spend-unknown"> {countText(unknown)} of unknown worth</span>
        )}
      </>
    ),
  },
];

/** What spent the budgets, the most first; each row leads to its deliveries. */
export function SpendTable({ spends }: { spends: Spends }): ReactNode {
  const { zone } = usePreferences();
  const { items, beyond, complete } = spends;
  if (items.length === 0)
    return (
      <Empty height={160}>
        Nothing has spent any of it: all that was due in this window was delivered in time.
      </Empty>
    );
  return (
    <>
      <Table
        caption="What spent the budgets, by endpoint, cause and days"
        rows={items}
        keyOf={({ side, endpoint, since }) => `${side} ${endpoint.id} ${since}`}
        columns={columns}
      />
      <p className="label table-foot">
        Days are UTC days{zone === 'utc' ? '' : ', whatever zone is shown'}, by the time of acceptance. Worth
        is read from deliveries that are still kept.
        {beyond.items === 0
          ? null
          : ` ${plural(beyond.items, 'more row')} with ${plural(beyond.bad, 'delivery', 'deliveries')} not shown.`}
        {complete
          ? null
          : ' There are more deliveries than are read for their worth; the oldest count as of unknown worth.'}
      </p>
    </>
  );
}

function OtherFailures({ spend: { failures, cause } }: { spend: Spend }): ReactNode {
  const others = failures.filter((one) => one.class !== cause).slice(0, 2);
  if (others.length === 0) return null;
  return (
    <span className="label">
      {' '}
      also {others.map((one) => `${causeText(one.class)} ${countText(one.count)}×`).join(', ')}
    </span>
  );
}
