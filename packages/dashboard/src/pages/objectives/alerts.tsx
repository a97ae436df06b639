import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { call, type Item, newIdempotencyKey, Problem } from '../../api.ts';
import { refresh } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty, Refusal } from '../../parts/panel.tsx';
import { Chip } from '../../parts/state.tsx';
import { durationText } from '../../parts/time.ts';
import { toast } from '../../parts/toast.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';

type Alert = Item<'alerts.list'>;

/** Alerts about an objective: when, who was notified and when it reached them, who is on it and what they said. */
export function Alerts({ alerts, days }: { alerts: readonly Alert[]; days: number }): ReactNode {
  const [chosen, setChosen] = useState<Alert | null>(null);
  if (alerts.length === 0)
    return <Empty height={100}>No rule of this objective has fired in these {days} days.</Empty>;
  return (
    <>
      <ul className="alert-list">
        {alerts.map((alert) => (
          <AlertRow key={alert.id} alert={alert} onAcknowledge={() => setChosen(alert)} />
        ))}
      </ul>
      {chosen === null ? null : <AcknowledgeDialog alert={chosen} onClose={() => setChosen(null)} />}
    </>
  );
}

/** One alert, and what can be done about it. */
function AlertRow({ alert, onAcknowledge }: { alert: Alert; onAcknowledge: () => void }): ReactNode {
  const forbidden = useForbidden('operate');
  return (
    <li className="alert-row">
      <div className="spread">
        <div className="alert-text">
          <p className="row">
            <AlertState alert={alert} />
            <strong>
              <Untrusted text={alert.summary} max={200} />
            </strong>
          </p>
          <p className="soft">
            Began <When at={alert.since} />
            {alert.resolved_at === null ? (
              <> · has been true for {durationText(now() - Date.parse(alert.since))}</>
            ) : (
              <>
                {' '}
                · over <When at={alert.resolved_at} />, after{' '}
                {durationText(Date.parse(alert.resolved_at) - Date.parse(alert.since))}
              </>
            )}
          </p>
          <Notified alert={alert} />
          <Acknowledged alert={alert} />
        </div>
        {alert.state === 'resolved' ? null : (
          <div className="row">
            {alert.acknowledged_at === null ? null : (
              <Button kind="plain" forbidden={forbidden} onClick={() => void withdraw(alert.id)}>
                Undo
              </Button>
            )}
            <Button forbidden={forbidden} onClick={onAcknowledge}>
              {alert.acknowledged_at === null ? 'Acknowledge…' : 'Change note…'}
            </Button>
          </div>
        )}
      </div>
    </li>
  );
}

function AlertState({ alert: { state, severity } }: { alert: Alert }): ReactNode {
  if (state === 'resolved') return <Chip tone="off">{severity}, over</Chip>;
  if (state === 'pending') return <Chip tone="plain">{severity}, not for long enough yet</Chip>;
  return (
    <Chip tone={severity === 'page' ? 'bad' : 'wait'} glyph={severity === 'page' ? '✕' : '▲'}>
      {severity} fires
    </Chip>
  );
}

function Notified({ alert: { notified } }: { alert: Alert }): ReactNode {
  const [first, ...more] = notified.toReversed();
  if (first === undefined) return <p className="soft">No notification was sent.</p>;
  return (
    <div className="soft">
      <NotifiedLine one={first} />
      {more.length === 0 ? null : (
        <details className="alert-more">
          <summary>{more.length} earlier</summary>
          {more.map((one, index) => (
            <NotifiedLine key={`${one.at} ${one.channel} ${one.team ?? ''} ${index}`} one={one} />
          ))}
        </details>
      )}
    </div>
  );
}

function NotifiedLine({ one }: { one: Alert['notified'][number] }): ReactNode {
  const { team, channel, says, at, state, delivered_at: deliveredAt, delivery_id: id } = one;
  return (
    <p>
      Notified {team ?? 'every team'} in {channel} that it {says === 'resolved' ? 'is over' : 'fires'},{' '}
      <When at={at} />:{' '}
      {deliveredAt !== null ? (
        <span className="good">
          <span aria-hidden="true">●</span> the channel took it after{' '}
          {durationText(Date.parse(deliveredAt) - Date.parse(at))}
        </span>
      ) : state === null ? (
        'its delivery is not kept any more'
      ) : (
        <Link
          to="/deliveries/$delivery"
          params={{ delivery: id ?? '' } as never}
          className={state === 'dead' ? 'bad' : 'wait'}
        >
          {state === 'dead' ? '✕ the channel never took it' : `◐ ${state}`}
        </Link>
      )}
    </p>
  );
}

function Acknowledged({ alert }: { alert: Alert }): ReactNode {
  const { acknowledged_at: at, acknowledged_by: by, acknowledged_until: until, note, state } = alert;
  if (at === null) return state === 'resolved' ? null : <p className="wait">▲ Not acknowledged yet.</p>;
  return (
    <p>
      Acknowledged by {by === null ? 'an unknown caller' : <Untrusted text={by} max={60} />} <When at={at} />
      {until === null ? null : (
        <>
          , until <When at={until} />
        </>
      )}
      {note === null ? null : (
        <>
          : “<Untrusted text={note} />”
        </>
      )}
    </p>
  );
}

/** Takes an acknowledgement back. */
async function withdraw(id: string): Promise<void> {
  try {
    await call('alerts.unacknowledge', { params: { id }, idempotencyKey: newIdempotencyKey() });
    toast('No longer acknowledged: its notifications are repeated as before.');
  } catch (error) {
    toast(error instanceof Problem ? error.message : String(error), 'bad');
  }
  await refresh('alerts.list', 'now.get');
}

const lengths = [
  ['', 'until it is over'],
  ['1', 'for 1 hour'],
  ['4', 'for 4 hours'],
  ['24', 'for 1 day'],
  ['168', 'for 7 days'],
] as const;

/** Acknowledges the alert; `hours` is empty for as long as it fires. */
function useAcknowledge(alert: Alert, onDone: () => void) {
  const [key] = useState(newIdempotencyKey);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsked, setIsAsked] = useState(false);
  const acknowledge = async (note: string, hours: string): Promise<void> => {
    setIsAsked(true);
    try {
      await call('alerts.acknowledge', {
        params: { id: alert.id },
        body: {
          ...(note.trim() === '' ? {} : { note: note.trim() }),
          ...(hours === '' ? {} : { until: new Date(now() + Number(hours) * 3_600_000).toISOString() }),
        },
        idempotencyKey: key,
      });
      await refresh('alerts.list', 'now.get');
      toast(
        <>
          Acknowledged: it is not notified again until it gets worse, or the time has come.{' '}
          {alert.acknowledged_at === null ? (
            <Button kind="plain" onClick={() => void withdraw(alert.id)}>
              Undo
            </Button>
          ) : null}
        </>,
      );
      onDone();
    } catch (error) {
      setIsAsked(false);
      if (error instanceof Problem) setProblem(error);
      else throw error;
    }
  };
  return { acknowledge, problem, isAsked };
}

function AcknowledgeDialog({ alert, onClose }: { alert: Alert; onClose: () => void }): ReactNode {
  const [note, setNote] = useState(alert.note ?? '');
  const [hours, setHours] = useState('');
  const { acknowledge, problem, isAsked } = useAcknowledge(alert, onClose);
  return (
    <Dialog
      title="Acknowledge this alert"
      onClose={onClose}
      actions={
        <Button kind="go" onClick={() => void acknowledge(note, hours)} forbidden={isAsked ? 'Asked…' : null}>
          {isAsked ? 'Asked…' : 'Acknowledge'}
        </Button>
      }
    >
      <p>
        <Untrusted text={alert.summary} max={300} />
      </p>
      <label className="field">
        <span className="label">What is known, and who does what (both teams read it)</span>
        <textarea
          className="textarea"
          rows={3}
          maxLength={1000}
          value={note}
          onChange={(event) => setNote(event.target.value)}
        />
      </label>
      <label className="field">
        <span className="label">Repeat notifications stop</span>
        <select className="select" value={hours} onChange={(event) => setHours(event.target.value)}>
          {lengths.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}
