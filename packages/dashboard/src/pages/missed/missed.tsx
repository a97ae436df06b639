import './missed.css';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type Item, Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, percent, plural } from '../../parts/number.ts';
import { Empty, Reading, Refusal } from '../../parts/panel.tsx';
import { RangePicker } from '../../parts/range-picker.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import { hostOf, visible } from '../../parts/untrusted.tsx';
import { useRead } from '../../query.ts';
import { type Range, rangeFrom } from '../../range.ts';
import { useMe } from '../../session.tsx';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { compare, type Comparison, type Progress, type Window } from './compare.ts';
import { OurSide } from './our-side.tsx';
import { Queries } from './queries.tsx';
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
            <Empty>Nothing was sent yet: there is no endpoint.</Empty>
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

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly progress: Progress }
  | { readonly kind: 'failed'; readonly error: Error };

function Compare({
  way,
  window,
  onCompared,
}: {
  way: Exclude<Way, 'ours'>;
  window: Window;
  onCompared: (of: Window, comparison: Comparison) => void;
}): ReactNode {
  const [state, setState] = useState<State>({ kind: 'idle' });
  const [text, setText] = useState('');
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const run = async (file: Blob): Promise<void> => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    setState({ kind: 'running', progress: { step: 'reading', share: 0, ids: 0 } });
    try {
      const comparison = await compare(
        file,
        window,
        (progress) => setState({ kind: 'running', progress }),
        mine.signal,
      );
      setState({ kind: 'idle' });
      onCompared(window, comparison);
    } catch (error) {
      if (mine.signal.aborted) setState({ kind: 'idle' });
      else setState({ kind: 'failed', error: error as Error });
    }
  };
  return (
    <div className="stack">
      {way === 'file' ? (
        <Drop isBusy={state.kind === 'running'} onFile={(file) => void run(file)} />
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim() !== '') void run(new Blob([text]));
          }}
        >
          <div className="field">
            <label htmlFor="missed-ids">Ids, one a line</label>
            <textarea
              id="missed-ids"
              className="textarea mono"
              rows={8}
              value={text}
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
            />
          </div>
          <p>
            <Button
              kind="go"
              isSubmit
              forbidden={
                state.kind === 'running' ? 'Comparing…' : text.trim() === '' ? 'Paste ids first.' : null
              }
            >
              Compare
            </Button>
          </p>
        </form>
      )}
      <div aria-live="polite" className="missed-live">
        {state.kind === 'running' ? (
          <Running progress={state.progress} onStop={() => running.current?.abort()} />
        ) : null}
      </div>
      {state.kind === 'failed' ? (
        state.error instanceof Problem ? (
          <Refusal problem={state.error} />
        ) : (
          <p className="band band-bad" role="alert">
            {state.error.message}
          </p>
        )
      ) : null}
      <Queries since={window.since} until={window.until} />
    </div>
  );
}

function Running({
  progress: { step, share, ids },
  onStop,
}: {
  progress: Progress;
  onStop: () => void;
}): ReactNode {
  const text =
    step === 'reading'
      ? `Reading the file: ${percent(Math.round(share * 100) / 100)}, ${plural(ids, 'id')}`
      : `Comparing ${plural(ids, 'id')} with what was sent…`;
  return (
    <div className="stack">
      <label className="field">
        <span>{text}</span>
        <progress className="missed-progress" max={1} {...(step === 'reading' ? { value: share } : {})} />
      </label>
      <p>
        <Button onClick={onStop}>Stop</Button>
      </p>
    </div>
  );
}

/** Where a file is dropped or chosen: it is read here, and only its ids leave the browser. */
function Drop({ isBusy, onFile }: { isBusy: boolean; onFile: (file: File) => void }): ReactNode {
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (file: File | undefined): void => {
    if (file !== undefined && !isBusy) onFile(file);
  };
  return (
    <div
      className={isOver ? 'missed-drop is-over' : 'missed-drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files[0]);
      }}
    >
      <p>
        <strong>Drop a file here</strong>, or{' '}
        <Button forbidden={isBusy ? 'Comparing…' : null} onClick={() => input.current?.click()}>
          Choose a file…
        </Button>
      </p>
      <input
        ref={input}
        type="file"
        className="sr"
        tabIndex={-1}
        aria-label="A file of ids"
        accept=".txt,.csv,.tsv,.json,.jsonl,.ndjson,text/*"
        onChange={(event) => {
          take(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
      <p className="soft">
        Text with one id a line, CSV with a column webhook_id, event_id or id, or JSON lines. Millions are
        fine.
      </p>
    </div>
  );
}
