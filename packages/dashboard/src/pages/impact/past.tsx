import { Link } from '@tanstack/react-router';
import { type ReactNode, useId, useState } from 'react';
import type { Answer } from '../../api.ts';
import { now } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText } from '../../parts/number.ts';
import { Empty, Reading, Refusal } from '../../parts/panel.tsx';
import { Chip, levels, states } from '../../parts/state.tsx';
import { fullTimeText } from '../../parts/time.ts';
import { Untrusted } from '../../parts/untrusted.tsx';
import { When } from '../../parts/when.tsx';
import { usePreferences } from '../../preferences.ts';
import { useRead } from '../../query.ts';
import { useQuerySearch, useSetSearch } from '../../url.ts';

type Past = Answer<'now.past'>;
type Need = Past['needs'][number];

const minuteMs = 60_000;
const dayMs = 86_400_000;
const stepMs = 10 * minuteMs;
/** The slider goes so far before and after the change. */
const reachMs = 3 * dayMs;
const terms = ['delivered', 'pending', 'dead', 'suppressed', 'cancelled'] as const;
const needWords = { dead_letters: 'dead letters', suppressed: 'suppressed', late: 'late' } as const;

/** What was known at a moment around the change: how everything stood, and what has become of it. */
export function AsItWas({ at }: { at: string }): ReactNode {
  const id = useId();
  const search = useQuerySearch();
  const setSearch = useSetSearch();
  const { zone } = usePreferences();
  const change = Date.parse(at);
  const [from, until] = [change - reachMs, Math.min(change + reachMs, now())];
  const asked = Date.parse(search['moment'] ?? '');
  const moment = Math.min(Math.max(Number.isNaN(asked) ? change : asked, from), until);
  const [held, setHeld] = useState<number | null>(null);
  const past = useRead('now.past', { query: { at: new Date(moment).toISOString() } });
  const use = (): void => {
    if (held !== null) setSearch({ moment: new Date(held).toISOString() }, { replace: true });
    setHeld(null);
  };
  const shown = held ?? moment;
  return (
    <Card title="Now, as it was">
      <div className="impact-moment no-print">
        <label htmlFor={id}>
          At <output htmlFor={id}>{fullTimeText(shown, zone, 'minute')}</output>
        </label>
        <input
          id={id}
          type="range"
          min={from}
          max={until}
          step={stepMs}
          value={shown}
          aria-valuetext={fullTimeText(shown, zone, 'minute')}
          onChange={(event) => setHeld(event.target.valueAsNumber)}
          onPointerUp={use}
          onKeyUp={use}
          onBlur={use}
        />
      </div>
      {past.error === null || past.data !== undefined ? (
        <Reading of={past} what="Reading how each delivery stood…" height={200}>
          {(answer) => <Moment past={answer} />}
        </Reading>
      ) : (
        <Refusal problem={past.error} />
      )}
    </Card>
  );
}

/** `36 delivered, 2 dead`: of those that were in a state, what they are now. */
function becameText({ became }: Past, state: Need['kind'] | (typeof terms)[number]): string {
  const of = became.filter(({ then }) => then === state);
  return of.map(({ now: is, count }) => `${countText(count)} ${states[is].word}`).join(', ');
}

function ThenAndNow({ past }: { past: Past }): ReactNode {
  return (
    <table className="table">
      <caption className="sr">How each delivery stood then, and what is different today</caption>
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col" className="num">
            Then
          </th>
          <th scope="col">Of these, by today</th>
        </tr>
      </thead>
      <tbody>
        {terms.map((term) => (
          <tr key={term}>
            <th scope="row">
              <span className={states[term].tone} aria-hidden="true">
                {states[term].glyph}
              </span>{' '}
              {states[term].word}
            </th>
            <td className="num">{countText(past.ledger[term])}</td>
            <td className="impact-later">{becameText(past, term)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Moment({ past }: { past: Past }): ReactNode {
  const { ledger, needs, alerts } = past;
  const level = levels[past.level];
  return (
    <>
      <p className="strong" aria-live="polite">
        <span className={level.tone} aria-hidden="true">
          {level.glyph}
        </span>{' '}
        {past.sentence}
      </p>
      <p className="soft">
        Of {countText(ledger.accepted)} accepted from <When at={past.window.since} precision="minute" /> to{' '}
        <When at={past.window.until} precision="minute" />, read from the rows.
      </p>
      <ThenAndNow past={past} />
      <h3 className="impact-pad">What did not arrive</h3>
      {needs.length === 0 ? (
        <Empty>Nothing was dead, suppressed or late.</Empty>
      ) : (
        <ul className="impact-past">
          {needs.map((need) => (
            <NeedThen key={need.kind + need.endpoint_id} need={need} />
          ))}
          {past.more_needs === 0 ? null : <li>and {countText(past.more_needs)} more endpoints</li>}
        </ul>
      )}
      <h3 className="impact-pad">Alerts that fired</h3>
      {alerts.length === 0 ? (
        <Empty>None, as far as alerts are still kept: resolved ones go after 30 days.</Empty>
      ) : (
        <ul className="impact-past">
          {alerts.map(({ id, severity, summary, since, acknowledged }) => (
            <li key={id}>
              <Chip tone={severity === 'page' ? 'bad' : 'wait'}>{severity}</Chip>{' '}
              <Untrusted text={summary} max={200} />{' '}
              <span className="soft">
                since <When at={since} precision="minute" />
                {acknowledged ? ', acknowledged' : ''}
              </span>
            </li>
          ))}
          {past.more_alerts === 0 ? null : <li>and {countText(past.more_alerts)} more alerts</li>}
        </ul>
      )}
    </>
  );
}

function NeedThen({ need: { kind, endpoint_id, subject, owner, count, value } }: { need: Need }): ReactNode {
  const worth = moneyLine(value);
  return (
    <li>
      {countText(count)} {needWords[kind]} at{' '}
      {subject === null ? (
        'an endpoint that was deleted since'
      ) : (
        <Link to={`/endpoints/${endpoint_id}`}>
          <Untrusted text={subject} max={60} />
        </Link>
      )}
      {worth === '' ? '' : `, worth ${worth}`}
      {owner === null ? null : (
        <span className="soft">
          , owned by <Untrusted text={owner} max={40} />
        </span>
      )}
    </li>
  );
}
