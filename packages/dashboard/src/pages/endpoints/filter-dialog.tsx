import { Link } from '@tanstack/react-router';
import { type ReactNode, useId, useState } from 'react';
import { type Answer, call, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { countText, percent, plural } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';

type Endpoint = Answer<'endpoints.get'>;
type Outcome = Answer<'filters.dryRun'>;

const counts = [100, 1000] as const;

/** Tries a filter, and what came of it. */
function useDryRun({ tenant, event_types }: Endpoint) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const [isTrying, setTrying] = useState(false);
  const run = async (text: string, last: number): Promise<void> => {
    setFault(null);
    setProblem(null);
    let filter: never;
    try {
      filter = JSON.parse(text) as never;
    } catch {
      return setFault('This is not JSON: write it as {"/object/amount": {"gte": 1000}}.');
    }
    setTrying(true);
    try {
      setOutcome(await call('filters.dryRun', { body: { filter, tenant, event_types, last } }));
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
    setTrying(false);
  };
  return { run, outcome, problem, fault, isTrying };
}

function FilterField({
  id,
  text,
  fault,
  onChange,
}: {
  id: string;
  text: string;
  fault: string | null;
  onChange: (text: string) => void;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor={`${id}-filter`}>Filter, as JSON; what is tried here is not saved</label>
      <textarea
        id={`${id}-filter`}
        className="input mono"
        rows={8}
        spellCheck={false}
        maxLength={20_000}
        value={text}
        aria-invalid={fault !== null}
        aria-describedby={`${id}-fault`}
        onChange={(event) => onChange(event.target.value)}
      />
      <p id={`${id}-fault`} className="field-error" role="alert">
        {fault}
      </p>
    </div>
  );
}

/** Tries a filter on the newest events of the types that the endpoint subscribes to. Nothing is changed. */
export function FilterDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }): ReactNode {
  const id = useId();
  const [text, setText] = useState(() => JSON.stringify(endpoint.filter ?? {}, null, 2));
  const [last, setLast] = useState<number>(counts[1]);
  const { run, outcome, problem, fault, isTrying } = useDryRun(endpoint);
  const submit = (): void => void run(text, last);
  return (
    <Dialog
      title="Try a filter"
      onClose={onClose}
      isWide
      actions={
        <Button kind="go" forbidden={isTrying ? 'Trying…' : null} onClick={submit}>
          Try it
        </Button>
      }
    >
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FilterField id={id} text={text} fault={fault} onChange={setText} />
        <div className="field">
          <label htmlFor={`${id}-last`}>On the newest</label>
          <select
            id={`${id}-last`}
            className="select"
            value={last}
            onChange={(event) => setLast(Number(event.target.value))}
          >
            {counts.map((count) => (
              <option key={count} value={count}>
                {countText(count)} events
              </option>
            ))}
          </select>
        </div>
        <input type="submit" hidden />
      </form>
      <div aria-live="polite">
        {problem !== null ? (
          <Refusal problem={problem} />
        ) : outcome === null ? null : (
          <Tried outcome={outcome} tenant={endpoint.tenant} />
        )}
      </div>
    </Dialog>
  );
}

function Tried({ outcome, tenant }: { outcome: Outcome; tenant: string }): ReactNode {
  const { examined, passed, complete, newest_at, oldest_at } = outcome;
  if (examined === 0) return <p>No event of these types exists to try it on.</p>;
  return (
    <div className="stack">
      <p className="strong">
        Of the newest {plural(examined, 'event')} of its types, {countText(passed)} would have matched
        {examined < 20 ? '' : ` (${percent(passed / examined)})`}.
      </p>
      <p className="soft">
        {oldest_at === null || newest_at === null ? null : (
          <>
            Accepted from <When at={oldest_at} /> to <When at={newest_at} />.{' '}
          </>
        )}
        {complete ? 'These are all of them.' : 'It was not tried on older ones.'}
      </p>
      <Samples label="Would match" ids={outcome.passed_ids} tenant={tenant} />
      <Samples label="Would not" ids={outcome.failed_ids} tenant={tenant} />
    </div>
  );
}

function Samples({
  label,
  ids,
  tenant,
}: {
  label: string;
  ids: readonly string[];
  tenant: string;
}): ReactNode {
  if (ids.length === 0) return null;
  return (
    <p>
      {label}, such as{' '}
      {ids.slice(0, 3).map((id, index) => (
        <span key={id}>
          {index === 0 ? '' : ', '}
          <Link to={`/events/${encodeURIComponent(tenant)}/${encodeURIComponent(id)}`}>
            <Untrusted text={id} max={48} />
          </Link>
        </span>
      ))}
    </p>
  );
}
