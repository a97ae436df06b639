import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { moneyLine, moneyText } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Empty } from '../../parts/panel.tsx';
import { State } from '../../parts/state.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { useMe } from '../../session.tsx';
import type { Comparison, Missing, Summary, Window } from './compare.ts';
import { SendAgain } from './send-again.tsx';
import { wordsFor } from './words.ts';

const shownAtOnce = 100;
const states = ['delivered', 'dead', 'suppressed', 'pending', 'cancelled'] as const;

/** What a comparison found. */
export function Result({
  of: { summary, missing, unexpected },
  window,
}: {
  of: Comparison;
  window: Window;
}): ReactNode {
  return (
    <>
      <Equation of={summary} window={window} />
      <MissingCard summary={summary} missing={missing} window={window} />
      {summary.unexpected_count === 0 ? null : (
        <UnexpectedCard ids={unexpected} count={summary.unexpected_count} />
      )}
    </>
  );
}

function Equation({ of, window }: { of: Summary; window: Window }): ReactNode {
  const { has, haveNot } = wordsFor(useMe());
  const { sent, matched, missing_count: missing, outside } = of;
  return (
    <Card
      title={
        <>
          Deliveries of <When at={window.since} /> to <When at={window.until} />
        </>
      }
    >
      <div className="missed-equation" role="group" aria-label="Sent = received + missing">
        <div>
          <span className="figure">{countText(sent)}</span>
          <span className="label">sent</span>
        </div>
        <span className="missed-sign" aria-hidden="true">
          =
        </span>
        <div>
          <span className="figure good">{countText(matched)}</span>
          <span className="label">{has.toLowerCase()}</span>
        </div>
        <span className="missed-sign" aria-hidden="true">
          +
        </span>
        <div>
          <span className={missing === 0 ? 'figure' : 'figure bad'}>{countText(missing)}</span>
          <span className="label">{haveNot}</span>
        </div>
      </div>
      {outside === 0 ? null : (
        <p className="soft">
          {plural(outside, 'id is', 'ids are')} of deliveries outside this time, and count neither as received
          nor as missing.
        </p>
      )}
    </Card>
  );
}

/** What each state of a missing delivery means to who looks for it. */
function meaning(state: Missing['state'], answered: string, list: string): string {
  switch (state) {
    case 'delivered':
      return `${answered} 2xx, and it is not in ${list}`;
    case 'dead':
      return 'was given up: it is not retried automatically';
    case 'suppressed':
      return 'was kept back while the endpoint was paused';
    case 'pending':
      return 'is still being delivered';
    case 'cancelled':
    default:
      return 'was cancelled';
  }
}

function MissingCard({
  summary: { missing_count: count, missing_by_state: byState, missing_value: value },
  missing,
  window,
}: {
  summary: Summary;
  missing: readonly Missing[];
  window: Window;
}): ReactNode {
  const { answered, list } = wordsFor(useMe());
  const [isSending, setSending] = useState(false);
  if (count === 0)
    return (
      <Card title="Missing">
        <Empty>Everything that was sent is in {list}.</Empty>
      </Card>
    );
  const again = missing.filter(({ state }) => ['delivered', 'dead', 'suppressed'].includes(state));
  const worth = moneyLine(value);
  return (
    <Card
      title={`Missing: ${countText(count)}${worth === '' ? '' : `, worth ${worth}`}`}
      actions={
        again.length === 0 ? null : (
          <Button kind="go" onClick={() => setSending(true)}>
            Send {countText(again.length)} again…
          </Button>
        )
      }
    >
      <ul className="missed-states">
        {states
          .filter((state) => byState[state] > 0)
          .map((state) => (
            <li key={state}>
              {countText(byState[state])} <State name={state} />{' '}
              <span className="soft">{meaning(state, answered, list)}</span>
            </li>
          ))}
      </ul>
      <MissingTable missing={missing} />
      {count > missing.length ? (
        <p className="soft">
          The first {countText(missing.length)} are listed. All of them:{' '}
          <code>posthorn reconcile --json</code>.
        </p>
      ) : null}
      {isSending ? <SendAgain missing={again} window={window} onClose={() => setSending(false)} /> : null}
    </Card>
  );
}

const columns: readonly Column<Missing>[] = [
  {
    key: 'event',
    head: 'Event',
    phone: 'first',
    cell: ({ event_id: id, delivery_id: delivery }) => (
      <Link to={`/deliveries/${delivery}` as string}>
        <Untrusted text={id} max={40} />
      </Link>
    ),
  },
  { key: 'state', head: 'State', phone: 'end', cell: ({ state }) => <State name={state} /> },
  {
    key: 'settled',
    head: (
      <>
        Settled, <ZoneName />
      </>
    ),
    cell: ({ settled_at: at }) => (at === null ? <span className="soft">not yet</span> : <When at={at} />),
  },
  {
    key: 'value',
    head: 'Worth',
    isNumber: true,
    cell: ({ value }) => (value === null ? <span className="soft">unknown</span> : moneyText(value)),
  },
];

/** What is missing, as many of them as are asked for. */
function MissingTable({ missing }: { missing: readonly Missing[] }): ReactNode {
  const [shown, setShown] = useState(shownAtOnce);
  const more = Math.min(missing.length - shown, 10 * shownAtOnce);
  return (
    <>
      <Table
        caption="Missing deliveries"
        rows={missing.slice(0, shown)}
        keyOf={({ delivery_id: id }) => id}
        columns={columns}
      />
      {more <= 0 ? null : (
        <p>
          <Button onClick={() => setShown(shown + 10 * shownAtOnce)}>Show {countText(more)} more</Button>
        </p>
      )}
    </>
  );
}

function UnexpectedCard({ ids, count }: { ids: readonly string[]; count: number }): ReactNode {
  const { list } = wordsFor(useMe());
  return (
    <Card title={`Never sent: ${countText(count)}`}>
      <p className="soft">
        These are in {list}, and were never sent to this endpoint: they are of another endpoint, of another
        sender, or older than what is kept here.
      </p>
      <ul>
        {ids.slice(0, shownAtOnce).map((id) => (
          <li key={id} className="mono">
            <Untrusted text={id} max={120} />
          </li>
        ))}
      </ul>
      {count > shownAtOnce ? (
        <p className="soft">and {countText(count - Math.min(ids.length, shownAtOnce))} more.</p>
      ) : null}
    </Card>
  );
}
