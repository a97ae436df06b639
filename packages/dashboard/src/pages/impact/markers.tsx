import { Link } from '@tanstack/react-router';
import { type ReactNode, useId, useState } from 'react';
import { call, type Item, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Empty, Reading, Refusal } from '../../parts/panel.tsx';
import { Chip } from '../../parts/state.tsx';
import { toast } from '../../parts/toast.tsx';
import { hostOf, Untrusted, visible } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { timeFrom } from './time-from.ts';

export type Marker = Item<'markers.list'>;
const kinds = {
  deploy: 'Deploy',
  incident: 'Incident',
  change: 'Change',
  note: 'Note',
} as const satisfies Readonly<Record<Marker['kind'], string>>;

/** What happened when; each leads to its before and after. */
export function Markers({ here }: { here: string | null }): ReactNode {
  const [isAdding, setAdding] = useState(false);
  const forbidden = useForbidden('operate');
  const markers = useRead('markers.list', { query: { limit: 20 } }, { everyMs: 30_000 });
  return (
    <Card
      title="Markers"
      actions={
        <Button forbidden={forbidden} onClick={() => setAdding(true)}>
          Add a marker…
        </Button>
      }
    >
      <Reading of={markers} what="Reading the markers…">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              No markers yet. Add one here, or from a deploy pipeline:{' '}
              <code>posthorn markers create "orders 4.12.0"</code>
            </Empty>
          ) : (
            <ul className="impact-markers">
              {items.map((marker) => (
                <MarkerRow
                  key={marker.id}
                  marker={marker}
                  isHere={here !== null && Date.parse(here) === Date.parse(marker.at)}
                  forbidden={forbidden}
                />
              ))}
            </ul>
          )
        }
      </Reading>
      {isAdding ? <AddMarker at={here} onClose={() => setAdding(false)} /> : null}
    </Card>
  );
}

function MarkerRow({
  marker: { id, at, kind, label, by, url, automatic, subject },
  isHere,
  forbidden,
}: {
  marker: Marker;
  isHere: boolean;
  forbidden: string | null;
}): ReactNode {
  const remove = async (): Promise<void> => {
    try {
      await call('markers.delete', { params: { id } });
      await refresh('markers.list');
      toast('The marker is deleted.');
    } catch (error) {
      toast((error as Error).message);
    }
  };
  return (
    <li className="spread">
      <span>
        <Link to="/impact" search={{ at }} aria-current={isHere ? 'true' : undefined} className="strong">
          <Untrusted text={label} max={80} />
        </Link>{' '}
        <Chip tone={kind === 'incident' ? 'bad' : 'plain'}>{kinds[kind]}</Chip>
        <span className="soft">
          {' '}
          <When at={at} precision="minute" />, by <Untrusted text={by} max={40} />
          {automatic ? ', noted by Posthorn' : null}
          <About subject={subject} />
          {url === null ? null : (
            <>
              ,{' '}
              <a href={url} rel="noreferrer noopener" target="_blank">
                {hostOf(url)}
              </a>
            </>
          )}
        </span>
      </span>
      <Button kind="plain" forbidden={forbidden} onClick={() => void remove()}>
        Delete<span className="sr"> the marker {visible(label)}</span>
      </Button>
    </li>
  );
}

const pagesOf: Readonly<Record<string, { readonly to: string; readonly name: string }>> = {
  endpoint: { to: '/endpoints/', name: 'the endpoint' },
  redrive: { to: '/redrives/', name: 'the redrive' },
  replay: { to: '/replays/', name: 'the replay' },
};

/** Where what was changed can be looked at. */
function About({ subject }: { subject: Marker['subject'] }): ReactNode {
  const page = subject === null ? undefined : pagesOf[subject.kind];
  if (subject === null || page === undefined) return null;
  return (
    <>
      ,{' '}
      <Link className="impact-about" to={page.to + encodeURIComponent(subject.id)}>
        {page.name}
      </Link>
    </>
  );
}

/** What the form says; an empty time is now. */
interface NewMarker {
  readonly label: string;
  readonly kind: Marker['kind'];
  readonly time: string;
  readonly url: string;
}

function useAdd(onDone: () => void) {
  const [key] = useState(newIdempotencyKey);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isTimeRefused, setTimeRefused] = useState(false);
  const add = async ({ label, kind, time, url }: NewMarker): Promise<void> => {
    const when = time.trim() === '' ? undefined : (timeFrom(time) ?? null);
    setTimeRefused(when === null);
    if (when === null) return;
    try {
      const body = {
        label,
        kind,
        ...(when === undefined ? {} : { at: when }),
        ...(url === '' ? {} : { url }),
      };
      await call('markers.create', { body, idempotencyKey: key });
      await refresh('markers.list');
      toast('The marker is added.');
      onDone();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
  };
  return { add, problem, isTimeRefused };
}

function KindField({
  id,
  kind,
  onChange,
}: {
  id: string;
  kind: Marker['kind'];
  onChange: (kind: Marker['kind']) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor={`${id}-kind`}>Kind</label>
      <select
        id={`${id}-kind`}
        className="select"
        value={kind}
        onChange={(event) => onChange(event.target.value as Marker['kind'])}
      >
        {Object.entries(kinds).map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function TimeField({
  id,
  time,
  isRefused,
  onChange,
}: {
  id: string;
  time: string;
  isRefused: boolean;
  onChange: (time: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor={`${id}-at`}>When, in UTC unless a zone is given; empty: now</label>
      <input
        id={`${id}-at`}
        className="input mono"
        placeholder="2026-11-09 14:05"
        value={time}
        aria-invalid={isRefused}
        aria-describedby={`${id}-refused`}
        onChange={(event) => onChange(event.target.value)}
      />
      <p id={`${id}-refused`} className="field-error" role="alert">
        {isRefused ? 'Write it as 2026-11-09 14:05.' : null}
      </p>
    </div>
  );
}

function AddMarker({ at, onClose }: { at: string | null; onClose: () => void }): ReactNode {
  const id = useId();
  const [label, setLabel] = useState('');
  const [kind, setKind] = useState<Marker['kind']>('deploy');
  const [time, setTime] = useState(at ?? '');
  const [url, setUrl] = useState('');
  const { add, problem, isTimeRefused } = useAdd(onClose);
  const submit = (): void => void add({ label, kind, time, url });
  return (
    <Dialog
      title="Add a marker"
      onClose={onClose}
      actions={
        <Button kind="go" onClick={submit}>
          Add
        </Button>
      }
    >
      <form
        className="impact-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <div className="field">
          <label htmlFor={`${id}-label`}>What happened</label>
          <input
            id={`${id}-label`}
            className="input"
            placeholder="orders 4.12.0"
            value={label}
            maxLength={120}
            onChange={(event) => setLabel(event.target.value)}
          />
        </div>
        <KindField id={id} kind={kind} onChange={setKind} />
        <TimeField id={id} time={time} isRefused={isTimeRefused} onChange={setTime} />
        <div className="field">
          <label htmlFor={`${id}-url`}>A link, such as to the release (optional)</label>
          <input
            id={`${id}-url`}
            className="input"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
          />
        </div>
        {/* So that Enter sends it: the button is outside of the form. */}
        <input type="submit" hidden />
        {problem === null ? null : <Refusal problem={problem} />}
      </form>
    </Dialog>
  );
}
