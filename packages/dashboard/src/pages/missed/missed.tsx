import './missed.css';
import { type ReactNode, useState } from 'react';
import type { Item } from '../../api.ts';
import { now } from '../../clock.ts';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Empty, Reading } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { hostOf, visible } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { type Range, rangeFrom } from '../../range.ts';
import { useMe } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import type { Comparison, Window } from './compare.ts';
import { Compare } from './compare-form.tsx';
import { OurSide } from './our-side.tsx';
import { Result } from './result.tsx';
import { wordsFor } from './words.ts';

type Endpoint = Item<'endpoints.list'>;

const ways = [
  ['file', 'A file of ids'],
  ['paste', 'Pasted ids'],
  ['ours', 'Only what is known here'],
] as const;
type Way = (typeof ways)[number][0];
const wayOf = (text: string | undefined): Way => ways.find(([way]) => way === text)?.[0] ?? 'file';

/** A whole window: without an end it ends now, and stays so while it is compared. */
const windowOf = ({ id, tenant }: Endpoint, { since, until }: Range): Window => ({
  endpoint_id: id,
  tenant,
  since,
  until: until ?? new Date(Math.ceil(now() / 60_000) * 60_000).toISOString(),
});

/** What did I miss: what was sent to an endpoint beside the ids that its receiver has. */
export default function MissedPage(): ReactNode {
  const words = wordsFor(useMe());
  const endpoints = useRead('endpoints.list', { query: { limit: 1000 } });
  return (
    <Reading of={endpoints} what="Reading the endpoints…" height={480}>
      {({ items }) =>
        items.length === 0 ? (
          <div className="stack">
            <Sentence>{words.title}</Sentence>
            <Empty>Nothing was sent yet: no endpoint exists.</Empty>
          </div>
        ) : (
          <Missed endpoints={items} />
        )
      }
    </Reading>
  );
}

function Missed({ endpoints }: { endpoints: readonly Endpoint[] }): ReactNode {
  const search = useQuerySearch();
  const words = wordsFor(useMe());
  const endpoint = endpoints.find(({ id }) => id === search['endpoint_id']) ?? endpoints[0]!;
  const range = rangeFrom(search, now());
  const way = wayOf(search['by']);
  const window = windowOf(endpoint, range);
  const [compared, setCompared] = useState<{ of: Window; comparison: Comparison } | null>(null);
  // What was compared stays until another comparison, as long as it is of what is chosen.
  const shown =
    compared !== null && compared.of.endpoint_id === endpoint.id && way !== 'ours' ? compared : null;
  return (
    <div className="stack">
      {shown === null ? (
        <Sentence lead="Compare what was sent to an endpoint with the ids that its receiver has. Ids are read in this browser.">
          {words.title}
        </Sentence>
      ) : (
        <ResultSentence of={shown.comparison} />
      )}
      <Choice endpoints={endpoints} endpoint={endpoint} range={range} way={way} />
      {shown === null ? null : <Result of={shown.comparison} window={shown.of} />}
      {way === 'ours' ? (
        <OurSide window={window} />
      ) : (
        <Card title={way === 'file' ? 'Ids in a file' : 'Ids from elsewhere'}>
          <Compare
            key={way}
            way={way}
            window={window}
            onCompared={(of, comparison) => setCompared({ of, comparison })}
          />
        </Card>
      )}
    </div>
  );
}

/** The result, to be read out. */
function ResultSentence({ of: { summary } }: { of: Comparison }): ReactNode {
  const { has } = wordsFor(useMe());
  const {
    delivered,
    sent,
    matched,
    missing_count: missing,
    missing_value: value,
    unexpected_count: strange,
  } = summary;
  const worth = moneyLine(value);
  return (
    <Sentence
      level={missing > 0 || strange > 0 ? 'act' : 'well'}
      lead={`${plural(sent, 'delivery', 'deliveries')} in this time, ${countText(delivered)} of them answered with 2xx.`}
    >
      {has} {matched === sent && sent > 0 ? 'all' : countText(matched)} of {countText(sent)}.{' '}
      {missing === 0
        ? 'None is missing'
        : `${countText(missing)} ${missing === 1 ? 'is' : 'are'} missing${worth === '' ? '' : `, worth ${worth}`}`}
      {strange === 0 ? '.' : `; ${countText(strange)} ${strange === 1 ? 'was' : 'were'} never sent.`}
    </Sentence>
  );
}

const nameOf = ({ url, name, description }: Endpoint): string => {
  const known = name ?? description ?? '';
  return known === '' ? hostOf(url) : `${hostOf(url)} (${visible(known).slice(0, 60)})`;
};

function Choice({
  endpoints,
  endpoint,
  range,
  way,
}: {
  endpoints: readonly Endpoint[];
  endpoint: Endpoint;
  range: Range;
  way: Way;
}): ReactNode {
  const setSearch = useSetSearch();
  return (
    <Card>
      <div className="missed-form">
        <div className="field">
          <label htmlFor="missed-endpoint">Endpoint</label>
          <select
            id="missed-endpoint"
            className="select"
            value={endpoint.id}
            onChange={(event) => setSearch({ endpoint_id: event.target.value })}
          >
            {endpoints.map((one) => (
              <option key={one.id} value={one.id}>
                {nameOf(one)}
              </option>
            ))}
          </select>
        </div>
        <RangePicker range={range} />
        <fieldset className="missed-ways">
          <legend className="label">Compare with</legend>
          {ways.map(([name, text]) => (
            <label key={name} className="row">
              <input
                type="radio"
                name="missed-way"
                checked={way === name}
                onChange={() => setSearch({ by: name === 'file' ? null : name })}
              />
              {text}
            </label>
          ))}
        </fieldset>
      </div>
    </Card>
  );
}
