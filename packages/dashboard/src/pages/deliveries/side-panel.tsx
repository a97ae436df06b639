import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { useNow } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { Button } from '../../parts/button.tsx';
import { Reading } from '../../parts/panel.tsx';
import { Chip, levels, states } from '../../parts/state.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { DeliveryActions } from './delivery-actions.tsx';
import { DeliveryLead } from './delivery-lead.tsx';
import { type Details, tookText } from './timeline.ts';
import { useDelivery } from './use-delivery.ts';
import { headingOf } from './words.ts';

/** The windows in which a row opens beside the list instead of in its place. */
export const besideQuery = '(min-width: 1280px)';
/** The panel has the newest; the page has all, to scale. */
const maxAttempts = 6;

/** One delivery beside the list that it is from; which one is in the URL. */
export function SidePanel(): ReactNode {
  const { open = '' } = useQuerySearch();
  return open === '' ? null : <Beside key={open} id={open} />;
}

function Beside({ id }: { id: string }): ReactNode {
  const read = useDelivery(id);
  const setSearch = useSetSearch();
  const panel = useRef<HTMLElement>(null);
  const close = (): void => setSearch({ open: null }, { replace: true });
  useKeys([{ keys: 'Escape', text: 'Close the delivery beside the list', run: close }]);
  useEffect(() => {
    const opener = document.activeElement;
    return () => {
      if (panel.current?.contains(document.activeElement) === true && opener instanceof HTMLElement)
        opener.focus();
    };
  }, []);
  return (
    <aside ref={panel} className="side-panel no-print" aria-label={`Delivery ${id}`}>
      <div className="spread">
        <Link to={`/deliveries/${id}`}>
          <code>{id}</code>
        </Link>
        <Button kind="plain" aria-label="Close the delivery" onClick={close}>
          ✕
        </Button>
      </div>
      <Reading of={read} what="Reading the delivery…" height={240}>
        {(details) => <Brief details={details} />}
      </Reading>
    </aside>
  );
}

function Brief({ details }: { details: Details }): ReactNode {
  const { level, text } = headingOf(details, useNow());
  const { glyph, tone } = levels[level];
  const { attempts } = details;
  const newest = attempts.slice(-maxAttempts).toReversed();
  return (
    <div className="stack">
      <h2 className="side-heading">
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>{' '}
        {text}
      </h2>
      <p className="lead">
        <DeliveryLead details={details} />
      </p>
      <div className="row">
        <DeliveryActions details={details} />
      </div>
      {newest.length === 0 ? null : (
        <ol className="side-attempts" aria-label="Its attempts, newest first">
          {newest.map((attempt) => (
            <Attempt key={attempt.n} attempt={attempt} />
          ))}
        </ol>
      )}
      <Link to={`/deliveries/${details.id}`}>
        {attempts.length > maxAttempts ? `All ${attempts.length} attempts` : 'Its attempts'} to scale, what
        was sent and what came back
      </Link>
    </div>
  );
}

function Attempt({ attempt }: { attempt: Details['attempts'][number] }): ReactNode {
  const { n, outcome, started_at: at, duration_ms: ms, status_code: status } = attempt;
  const { tone, glyph, word } = states[outcome];
  const { error_class: error, message } = attempt;
  return (
    <li>
      <div className="spread">
        <span>
          {n} · <When at={at} /> · {tookText(ms)}
          {status === null ? '' : ` · ${status}`}
        </span>
        <Chip tone={tone} glyph={glyph}>
          {word}
        </Chip>
      </div>
      {error === null ? null : (
        <p className="soft">
          <code>{error}</code> <Untrusted text={message ?? ''} max={120} />
        </p>
      )}
    </li>
  );
}
