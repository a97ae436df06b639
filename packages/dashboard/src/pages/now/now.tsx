import './now.css';
import type { ReactNode } from 'react';
import { Card } from '../../parts/card.tsx';
import { countText } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { Ago, When } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { presets, presetWords } from '../../range.ts';
import { useMe } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { ByDay } from './by-day.tsx';
import { Arrival, Teams, Worth } from './cards.tsx';
import { Equation, Lens, PathLink } from './equation.tsx';
import { Needs } from './needs.tsx';
import { Wall } from './wall.tsx';
import { isLost, type Now } from './words.ts';

const everyMs = 5000;
type Preset = (typeof presets)[number];

const isPreset = (text: string | undefined): text is Preset => presets.some((preset) => preset === text);

/** On what the sentence is based: the window, and when the ledger was last held against the rows. */
function Lead({ now, last }: { now: Now; last: Preset }): ReactNode {
  const { reconciled } = now;
  const words = presetWords[last];
  return (
    <>
      {words[0]!.toUpperCase() + words.slice(1)}, by time of acceptance.{' '}
      {reconciled === null ? (
        'The ledger has not been checked yet.'
      ) : (
        <>
          Ledger checked <Ago at={reconciled.at} />
          {reconciled.rows_read === null ? '' : `: ${countText(reconciled.rows_read)} deliveries`},{' '}
          {reconciled.balanced ? 'none unaccounted.' : `${countText(reconciled.unaccounted)} unaccounted.`}
        </>
      )}
    </>
  );
}

function Window({ last }: { last: Preset }): ReactNode {
  const setSearch = useSetSearch();
  return (
    <div className="row range-picker" role="group" aria-label="Window">
      {presets.map((preset) => (
        <button
          key={preset}
          type="button"
          className="range-preset"
          aria-pressed={preset === last}
          onClick={() => setSearch({ last: preset === '24h' ? null : preset })}
        >
          {preset}
        </button>
      ))}
    </div>
  );
}

/** Something is lost: nothing else matters until it is found. */
function Lost({ now, lead }: { now: Now; lead: ReactNode }): ReactNode {
  const alert = now.needs.find(({ kind }) => kind === 'unaccounted');
  const ids = now.reconciled?.ids ?? [];
  return (
    <section className="now-lost" role="alert">
      <Sentence level="act" lead={lead}>
        {now.sentence}
      </Sentence>
      <p>
        Run <code>posthorn verify</code>: it names every one. Something other than Posthorn has written to the
        store; keep the database as it is until that is found.
      </p>
      {alert?.since === null || alert?.since === undefined ? null : (
        <p>
          The alert fires since <When at={alert.since} />
          {alert.acknowledged_at === null ? '; it is not acknowledged.' : '; it is acknowledged.'}
        </p>
      )}
      {ids.length === 0 ? null : (
        <ul aria-label="What the reconciler found">
          {ids.map((id) => (
            <li key={id}>
              <code>
                <Untrusted text={id} max={80} />
              </code>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Page({ now, last, scope }: { now: Now; last: Preset; scope: object }): ReactNode {
  const lead = <Lead now={now} last={last} />;
  const { kind } = useMe();
  return (
    <div className="stack">
      {isLost(now) ? (
        <Lost now={now} lead={lead} />
      ) : (
        <Sentence level={now.level} lead={lead} actions={<Window last={last} />}>
          {now.sentence}
        </Sentence>
      )}
      {now.endpoints === 0 && now.ledger.accepted === 0 ? (
        <Card title="Begin here">
          <Empty>
            Create the first endpoint, publish an event, and this page shows what became of it.{' '}
            <PathLink path="/endpoints/new">Create an endpoint</PathLink>
          </Empty>
        </Card>
      ) : (
        <>
          <section className="card" aria-label="The ledger: accepted is the sum of all states">
            <Equation now={now} />
            <Lens now={now} />
          </section>
          <div className="now-grid">
            <Arrival now={now} scope={scope} last={last} />
            <Worth now={now} />
            {kind === 'portal' ? null : <Teams now={now} />}
          </div>
          <Needs now={now} />
          <ByDay now={now} scope={scope} />
        </>
      )}
    </div>
  );
}

/** Now: whether payment notifications arrive, what they are worth, whose they are, and what needs attention. */
export default function NowPage(): ReactNode {
  const { last: asked, wall, tenant, endpoint_id } = useQuerySearch();
  const last = isPreset(asked) ? asked : '24h';
  const scope = { tenant, endpoint_id };
  const read = useRead('now.get', { query: { ...scope, last } }, { everyMs });
  return (
    <Reading of={read} what="Counting…" height={560}>
      {(now) =>
        wall === '1' ? (
          <Wall now={now} lead={<Lead now={now} last={last} />} />
        ) : (
          <Page now={now} last={last} scope={scope} />
        )
      }
    </Reading>
  );
}
