import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { useWidth } from '../../parts/chart/size.ts';
import { Amounts } from '../../parts/amounts.tsx';
import { moneyText, sortedMoney } from '../../parts/money.ts';
import { countText, minForRate, percent, plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { levels, states } from '../../parts/state.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { durationText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { presetWords } from '../../range.ts';
import { useRead } from '../../query.ts';
import { PathLink } from './equation.tsx';
import type { Now } from './words.ts';

type Preset = keyof typeof presetWords;
const dayMs = 86_400_000;

/** Seven days by the hour: where it dipped, and how far below what is promised. */
function Spark({ shares, target }: { shares: readonly (number | null)[]; target: number | null }): ReactNode {
  const [ref, width] = useWidth(300);
  const known = shares.filter((share) => share !== null);
  const height = 96;
  const low = Math.min(...known, target ?? 1) - 0.0005;
  const x = (index: number): number => (index / Math.max(1, shares.length - 1)) * width;
  const y = (share: number): number => 2 + ((1 - share) / Math.max(1e-9, 1 - low)) * (height - 4);
  let path = '';
  let isDrawing = false;
  for (const [index, share] of shares.entries()) {
    if (share !== null) path += `${isDrawing ? 'L' : 'M'}${x(index).toFixed(1)} ${y(share).toFixed(1)}`;
    isDrawing = share !== null;
  }
  const worst = known.length === 0 ? null : Math.min(...known);
  return (
    <div className="now-spark" ref={ref}>
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={
          worst === null
            ? 'In time by the hour of 7 days: nothing was due'
            : `In time by the hour of 7 days: the worst hour had ${percent(worst)}`
        }
      >
        {target === null ? null : (
          <line className="now-spark-target" x1="0" x2={width} y1={y(target)} y2={y(target)} />
        )}
        <path className="now-spark-line" d={path} />
      </svg>
    </div>
  );
}

/** Whether they arrive: the share in time, its interval, the week by the hour, and how long it takes. */
export function Arrival({ now, scope, last }: { now: Now; scope: object; last: Preset }): ReactNode {
  const { in_time: inTime, latency_ms: latency } = now;
  const [low = 0, high = 1] = inTime.interval;
  const week = useRead(
    'series.get',
    { query: { ...scope, measure: 'in_time', step: 'hour', since: sinceOf(now.at, 7) } },
    { everyMs: 60_000 },
  );
  return (
    <Card title="Do they arrive?">
      {inTime.due === 0 ? (
        <>
          <p className="figure soft">—</p>
          <p className="soft">nothing was due in the {presetWords[last]}</p>
        </>
      ) : inTime.due < minForRate || inTime.share === null ? (
        <>
          <p className="figure">
            {countText(inTime.good)} of {countText(inTime.due)}
          </p>
          <p className="soft">in time; too few for a rate</p>
        </>
      ) : (
        <>
          <p className="figure">{percent(inTime.share)}</p>
          <p className="soft">
            in time (95%: {percent(low)} to {percent(high)})
          </p>
        </>
      )}
      <Reading of={week} what="Counting 7 days by the hour…" height={112}>
        {({ series }) => (
          <Spark
            target={inTime.target}
            shares={(series[0]?.points ?? []).map(({ due = 0, in_time: good = 0 }) =>
              due === 0 ? null : Math.min(1, good / due),
            )}
          />
        )}
      </Reading>
      <p className="soft">
        7 days by the hour
        {inTime.target === null
          ? '; no objective sets a target.'
          : `; dashed: the target, ${percent(inTime.target)}.`}{' '}
        {latency.p50 === null || latency.p99 === null
          ? ''
          : `Half arrive within ${durationText(latency.p50)}, 99 of 100 within ${durationText(latency.p99)}.`}
      </p>
    </Card>
  );
}

/** A beginning that stays the same for a while, so that the answer can be kept. */
export function sinceOf(at: string, days: number): string {
  const hour = 3_600_000;
  return new Date(Math.floor((Date.parse(at) - days * dayMs) / hour) * hour).toISOString();
}

/** What it is worth: the main currency of the dead letters large, a row for everything else; never added. */
export function Worth({ now }: { now: Now }): ReactNode {
  const { at_risk: risk, ledger } = now;
  const [main, ...others] = sortedMoney(risk.dead);
  const rows = [
    { name: 'In other currencies', money: others },
    {
      name: `Waiting past the deadline${now.pending_read.complete ? '' : ', at least'}`,
      money: sortedMoney(risk.late_pending),
    },
    { name: 'Suppressed', money: sortedMoney(risk.suppressed) },
  ].filter(({ money }) => money.length > 0);
  return (
    <Card title="What is it worth?">
      {main === undefined ? (
        <>
          <p className={`figure ${ledger.dead === 0 ? 'good' : 'bad'}`}>
            {ledger.dead === 0 ? 'Nothing' : countText(ledger.dead)}
          </p>
          <p className="soft">
            {ledger.dead === 0
              ? 'is in a dead letter'
              : `${ledger.dead === 1 ? 'dead letter' : 'dead letters'} of unknown worth`}
          </p>
        </>
      ) : (
        <>
          <p className="figure bad">{moneyText(main)}</p>
          <p className="soft">in {plural(ledger.dead, 'dead letter')}</p>
        </>
      )}
      {rows.length === 0 && risk.unknown === 0 ? null : (
        <table className="now-lines">
          <caption className="sr">What else is at risk</caption>
          <tbody>
            {rows.map(({ name, money }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <Amounts money={money} />
                </td>
              </tr>
            ))}
            {risk.unknown === 0 ? null : (
              <tr>
                <th scope="row">Of unknown worth</th>
                <td>{plural(risk.unknown, 'notification')}</td>
              </tr>
            )}
          </tbody>
        </table>
      )}
    </Card>
  );
}

type Team = Now['teams'][number];
const teamsShown = 6;

const teamColumns: readonly Column<Team>[] = [
  {
    key: 'team',
    head: 'Team',
    phone: 'first',
    cell: ({ team }) =>
      team === null ? (
        <span className="soft">no owner</span>
      ) : (
        <PathLink path={`/teams/${encodeURIComponent(team)}`}>
          <Untrusted text={team} max={40} />
        </PathLink>
      ),
  },
  {
    key: 'state',
    head: 'State',
    phone: 'below',
    cell: ({ level, state }) => (
      <>
        <span className={state.endsWith('paused') ? 'held' : levels[level].tone} aria-hidden="true">
          {state.endsWith('paused') ? states.paused.glyph : levels[level].glyph}
        </span>{' '}
        {state}
      </>
    ),
  },
  {
    key: 'risk',
    head: 'At risk',
    isNumber: true,
    phone: 'end',
    cell: ({ at_risk: money }) => <Amounts money={money} isShort none={<span className="soft">—</span>} />,
  },
  {
    key: 'budget',
    head: 'Budget left',
    isNumber: true,
    phone: 'below',
    cell: ({ budget_left: left }) =>
      left === null ? (
        <span className="soft">no target</span>
      ) : (
        <span className={left < 0 ? 'bad' : left < 0.25 ? 'wait' : undefined}>
          {percent(Math.round(left * 100) / 100)}
          <span className="phone-only soft"> of the budget left</span>
        </span>
      ),
  },
];

/** Whose it is: every team with what it answers for. */
export function Teams({ now }: { now: Now }): ReactNode {
  const rest = now.teams.length - teamsShown;
  return (
    <Card title="Whose is it?">
      {now.teams.length === 0 ? (
        <Empty>No team receives or sends anything yet.</Empty>
      ) : (
        <Table
          caption="Teams, the worst first"
          columns={teamColumns}
          rows={now.teams.slice(0, teamsShown)}
          keyOf={({ team }) => team ?? ''}
        />
      )}
      {rest <= 0 ? null : (
        <p>
          <PathLink path="/teams">and {plural(rest, 'more team')}</PathLink>
        </p>
      )}
    </Card>
  );
}
