import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { type Answer, call } from '../../api.ts';
import { useKeys } from '../../keys.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { HourBars } from '../../parts/hour-bars.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, percent } from '../../parts/number.ts';
import { Loading, Reading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { State } from '../../parts/state.tsx';
import { durationText } from '../../parts/time.ts';
import { toast } from '../../parts/toast.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago, When } from '../../parts/when.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';
import { useTopics } from '../../stream.ts';
import { usePathParam, useQuerySearch, useSetSearch } from '../../url.ts';
import { Charts } from './charts.tsx';
import { DeleteDialog, PauseDialog, RotateDialog, TestDialog } from './dialogs.tsx';
import { FailuresCard } from './failures.tsx';
import { AlertsCard, ChangesCard, DeliveriesCard, SettingsCard } from './more.tsx';
import { inTimeText } from './words.ts';
import './endpoints.css';

type Details = Answer<'endpoints.health'>;
type Endpoint = Answer<'endpoints.get'>;

/** The stream says when its endpoint has changed; how it is also changes with time alone. */
const slowMs = 30_000;
const levels = { ok: 'well', watch: 'watch', act: 'act' } as const;

/** Why does this endpoint fail? A diagnosis, and what it was made of. */
export default function EndpointPage(): ReactNode {
  const id = usePathParam('endpoint');
  const details = useRead('endpoints.health', { params: { id } }, { everyMs: slowMs });
  const endpoint = useRead('endpoints.get', { params: { id } });
  const isPortal = useMe().kind === 'portal';
  useTopics(...(endpoint.data === undefined ? [] : [`endpoint:${endpoint.data.id}`]));
  if (details.data === undefined)
    return details.error === null ? (
      <Loading height={600} what="Finding out how this endpoint is…" />
    ) : (
      <Refusal problem={details.error} onRetry={() => void details.refetch()} />
    );
  const { diagnosis, health, at } = details.data;
  return (
    <div className="stack">
      <Sentence
        level={levels[diagnosis.level]}
        lead={
          <>
            {diagnosis.next_step === null ? null : <>{diagnosis.next_step} </>}
            As of <When at={at} />.
          </>
        }
      >
        <Untrusted text={diagnosis.sentence} />
      </Sentence>
      <div className="row no-print endpoint-actions">
        {endpoint.data === undefined ? null : <Actions endpoint={endpoint.data} />}
      </div>
      <div className="two">
        <HealthCard health={health} />
        <DueCard details={details.data} />
      </div>
      <Charts id={details.data.endpoint_id} />
      <FailuresCard details={details.data} />
      <Reading of={endpoint} what="Reading its settings…" height={240}>
        {(answer) => <SettingsCard endpoint={answer} />}
      </Reading>
      <DeliveriesCard id={details.data.endpoint_id} />
      {isPortal ? null : (
        <div className="two">
          <AlertsCard id={details.data.endpoint_id} />
          <ChangesCard id={details.data.endpoint_id} />
        </div>
      )}
    </div>
  );
}

type DialogName = 'test' | 'pause' | 'rotate' | 'delete';

function Actions({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const asked = useQuerySearch()['do'];
  const setSearch = useSetSearch();
  // Only what asks before it does anything: a link must not act.
  const [open, setOpen] = useState<DialogName | null>(
    asked === 'rotate' || (asked === 'pause' && endpoint.enabled) ? asked : null,
  );
  const operate = useForbidden('operate');
  const test = useForbidden('test');
  const rotate = useForbidden('rotate');
  const isPortal = useMe().kind === 'portal';
  const close = (): void => {
    setOpen(null);
    if (asked !== undefined) setSearch({ do: null }, { replace: true });
  };
  useKeys(
    isPortal || operate !== null || !endpoint.enabled
      ? []
      : [{ keys: 'p', text: 'Pause this endpoint', run: () => setOpen('pause') }],
  );
  const resume = async (): Promise<void> => {
    try {
      await call('endpoints.resume', { params: { id: endpoint.id }, body: {} });
      toast('Resumed. Waiting deliveries continue.');
    } catch (error) {
      toast(error instanceof Error ? error.message : 'It could not be resumed.', 'bad');
    }
    await refresh('endpoints.get', 'endpoints.health', 'endpoints.list');
  };
  return (
    <>
      <Button kind="go" forbidden={test} onClick={() => setOpen('test')}>
        Send a test
      </Button>
      {isPortal ? null : endpoint.enabled ? (
        <Button forbidden={operate} onClick={() => setOpen('pause')}>
          Pause…
        </Button>
      ) : (
        <Button forbidden={operate} onClick={() => void resume()}>
          Resume
        </Button>
      )}
      <Button forbidden={rotate} onClick={() => setOpen('rotate')}>
        Rotate the secret…
      </Button>
      {isPortal ? null : (
        <Button kind="danger" forbidden={operate} onClick={() => setOpen('delete')}>
          Delete…
        </Button>
      )}
      <Link to="/missed" search={{ endpoint_id: endpoint.id } as never} className="button">
        What was missed?
      </Link>
      {open === 'test' ? <TestDialog endpoint={endpoint} onClose={close} /> : null}
      {open === 'pause' ? <PauseDialog endpoint={endpoint} onClose={close} /> : null}
      {open === 'rotate' ? <RotateDialog endpoint={endpoint} onClose={close} /> : null}
      {open === 'delete' ? <DeleteDialog endpoint={endpoint} onClose={close} /> : null}
    </>
  );
}

function HealthCard({ health }: { health: Details['health'] }): ReactNode {
  const { in_time: inTime } = health;
  return (
    <Card title="The last 24 hours" actions={<State name={health.state} />}>
      <div className="stack">
        <p>
          <span className="figure">{inTimeText(inTime)}</span> in time
          {inTime.share === null || inTime.due < 20 ? null : (
            <span className="label">
              {' '}
              95%: {percent(inTime.interval[0]!)} to {percent(inTime.interval[1]!)} of {countText(inTime.due)}
            </span>
          )}
        </p>
        <div className="endpoint-hours">
          <HourBars good={health.bars.good} bad={health.bars.bad} />
          <p className="label">24 hours; what was late, dead or suppressed in red</p>
        </div>
        <dl className="facts">
          <div>
            <dt>p99</dt>
            <dd>{health.p99_ms === null ? 'nothing delivered' : durationText(health.p99_ms)}</dd>
          </div>
          <div>
            <dt>Accepted</dt>
            <dd>{health.rate_per_s} a second</dd>
          </div>
          <div>
            <dt>Last success</dt>
            <dd>{health.last_success_at === null ? 'never' : <Ago at={health.last_success_at} />}</dd>
          </div>
          <div>
            <dt>Last failure</dt>
            <dd>
              {health.last_failure_at === null ? 'never' : <Ago at={health.last_failure_at} />}
              {health.last_error === null ? null : (
                <span className="mono soft">
                  {' '}
                  {health.last_error.class} {health.last_error.status_code ?? ''}
                </span>
              )}
            </dd>
          </div>
          <div>
            <dt>Dead letters</dt>
            <dd>
              {health.dead === 0 ? (
                'none'
              ) : (
                <>
                  <span className="bad">{countText(health.dead)}</span>, worth{' '}
                  {health.worth.length === 0 ? 'unknown' : moneyLine(health.worth)}
                </>
              )}
            </dd>
          </div>
          <div>
            <dt>Suppressed</dt>
            <dd>{countText(health.suppressed)}</dd>
          </div>
        </dl>
      </div>
    </Card>
  );
}

const minuteMs = 60_000;

/** `overdue`, `within 1 min`, `up to 5 min`. */
function spanText({ since, until }: Details['due'][number], at: string): string {
  const ms = (time: string): number => Date.parse(time) - Date.parse(at);
  const length = (time: string): string => durationText(Math.round(ms(time) / minuteMs) * minuteMs);
  if (since === null) return 'overdue';
  if (until === null) return `after ${length(since)}`;
  return ms(since) < minuteMs / 2 ? `within ${length(until)}` : `up to ${length(until)}`;
}

const dueShown = 4;

/** The retry storm seen before it comes: what waits, by when it is due. */
function DueCard({ details }: { details: Details }): ReactNode {
  const { waiting, due: all, at } = details;
  const due = all.slice(0, Math.max(all.findLastIndex(({ count }) => count > 0) + 1, dueShown));
  const most = Math.max(1, ...due.map(({ count }) => count));
  return (
    <Card title="What waits, and until when">
      <div className="stack">
        <p>
          <span className="figure">{countText(waiting.count)}</span> pending
          {waiting.under_way === 0 ? null : <>, {countText(waiting.under_way)} under way</>}
        </p>
        {waiting.count === 0 ? (
          <p className="soft">Nothing waits: every accepted delivery has ended.</p>
        ) : (
          <>
            <p>
              {waiting.next_attempt_at === null ? null : (
                <>
                  Next attempt <Ago at={waiting.next_attempt_at} />.{' '}
                </>
              )}
              {waiting.nothing_lost_until === null ? null : (
                <>
                  Nothing is lost until <When at={waiting.nothing_lost_until} precision="minute" />.
                </>
              )}
            </p>
            <ul className="endpoint-steps" aria-label="Pending deliveries by when they are due">
              {due.map((one) => (
                <li key={one.since ?? ''} className="due-row">
                  <span className="label">{spanText(one, at)}</span>
                  <span className="due-rail" aria-hidden="true">
                    {one.count === 0 ? null : <span style={{ width: `${(one.count / most) * 100}%` }} />}
                  </span>
                  <span className="num">
                    {one.at_least ? '≥ ' : ''}
                    {countText(one.count)}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Card>
  );
}
