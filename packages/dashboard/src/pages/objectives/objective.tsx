import './objectives.css';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { now } from '../../clock.ts';
import { useEndpointHosts } from '../../endpoint-hosts.ts';
import { useRead } from '../../query.ts';
import { usePathParam } from '../../url.ts';
import { Card } from '../../parts/card.tsx';
import { countText, percent } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { durationText } from '../../parts/time.ts';
import { visible } from '../../parts/untrusted.tsx';
import { Alerts } from './alerts.tsx';
import { Backtest } from './backtest.tsx';
import { BudgetChart } from './budget-chart.tsx';
import { BurnRates } from './burn.tsx';
import { Sides } from './sides.tsx';
import { SpendTable } from './spend.tsx';
import { statusLevel, type Status } from './words.ts';

const liveMs = 15_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Longer windows are not replayed: a month of minutes is what a worker does in 300 ms. */
const maxBacktestDays = 30;

/** By the hour, so that what is asked for is the same from one minute to the next. */
const windowStart = (days: number): string =>
  new Date(Math.floor((now() - days * dayMs) / hourMs) * hourMs).toISOString();

/** The page that two teams share: whether the promise is kept, and who spends its budget. */
export default function Objective(): ReactNode {
  const name = usePathParam('objective');
  const params = { name };
  const status = useRead('slos.status', { params }, { everyMs: liveMs });
  // The objective of an endpoint has its id for a name.
  const title = useEndpointHosts()(name);
  return (
    <div className="stack">
      <nav aria-label="Where this is" className="soft crumbs">
        <Link to="/objectives">Objectives</Link> / {visible(title)}
      </nav>
      {status.data === undefined ? <Sentence>{visible(title)}</Sentence> : null}
      <Reading of={status} what="Counting what was due…" height={640}>
        {(its) => <Shown status={its} name={name} />}
      </Reading>
    </div>
  );
}

function Shown({ status, name }: { status: Status; name: string }): ReactNode {
  const params = { name };
  const days = status.window_days;
  const isTimed = status.objective === 'delivered_within';
  const history = useRead(
    'slos.history',
    { params, query: { step: 'hour' } },
    { everyMs: 60_000, enabled: isTimed },
  );
  const spend = useRead('slos.spend', { params }, { everyMs: 60_000, enabled: isTimed });
  const alerts = useRead(
    'alerts.list',
    { query: { slo: name, since: windowStart(Math.min(30, days)), limit: 50 } },
    { everyMs: liveMs },
  );
  const minutes = useRead(
    'slos.minutes',
    { params, query: days > maxBacktestDays ? { since: windowStart(maxBacktestDays) } : {} },
    { enabled: isTimed },
  );
  return (
    <div className="stack">
      <Sentence
        level={statusLevel(status)}
        lead={<Lead status={status} withinS={minutes.data?.within_s ?? null} />}
      >
        {status.sentence}
      </Sentence>
      <Sides status={status} />
      {isTimed ? (
        <>
          <Card title="What is left of each side’s budget. Below 0 the promise is broken">
            <Reading of={history} what="Counting the window…" height={280}>
              {(its) => <BudgetChart history={its} status={status} alerts={alerts.data?.items ?? []} />}
            </Reading>
          </Card>
          <Card title="What spent it">
            <Reading of={spend} what="Counting what was late or dead…" height={160}>
              {(its) => <SpendTable spends={its} />}
            </Reading>
          </Card>
          <BurnRates status={status} />
        </>
      ) : null}
      <Card title="Alerts, and who is on them">
        <Reading of={alerts} what="Reading the alerts…" height={100}>
          {(its) => <Alerts alerts={its.items} days={Math.min(30, days)} />}
        </Reading>
      </Card>
      {isTimed ? (
        <Card title={`What rules would have said (backtest, ${Math.min(maxBacktestDays, days)} days)`}>
          <Reading of={minutes} what="Reading the counts…" height={420}>
            {(counts) =>
              spend.data === undefined ? null : (
                <Backtest status={status} counts={counts} spends={spend.data} />
              )
            }
          </Reading>
        </Card>
      ) : null}
    </div>
  );
}

function Lead({ status, withinS }: { status: Status; withinS: number | null }): ReactNode {
  const {
    good,
    total,
    sli_interval: interval,
    window_days: days,
    endpoints,
    sides,
    objective,
    template,
  } = status;
  const [low = 0, high = 1] = interval;
  const { sender, receiver } = sides;
  const teams =
    template !== null
      ? `Set by the template ${visible(template)}; ${receiver.team === null ? 'the endpoint is unowned' : `${visible(receiver.team)} owns the endpoint`}.`
      : `A promise of ${visible(sender.team ?? 'no team')} to ${visible(receiver.team ?? 'no team')}.`;
  return (
    <>
      {objective === 'accounted'
        ? 'Everything that was accepted is delivered, pending, dead, cancelled or suppressed; '
        : `Delivered within ${withinS === null ? 'the deadline' : durationText(withinS * 1000)} of acceptance, over ${days} days; `}
      {endpoints === 1 ? '1 endpoint' : `${countText(endpoints)} endpoints`}:{' '}
      {objective === 'accounted'
        ? `${countText(good)} of ${countText(total)}.`
        : `${countText(good)} of ${countText(total)} whose deadline has passed${total === 0 ? '' : ` (95%: ${percent(low)} to ${percent(high)})`}.`}{' '}
      {teams}
    </>
  );
}
