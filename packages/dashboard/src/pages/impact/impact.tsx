import './impact.css';
import { type ReactNode, useState } from 'react';
import { call, type Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { useKeys } from '../../keys.ts';
import { Button } from '../../parts/button.tsx';
import { Card } from '../../parts/card.tsx';
import { Copy } from '../../parts/copy.tsx';
import { Empty, Loading, Reading, Refusal } from '../../parts/panel.tsx';
import { Sentence } from '../../parts/sentence.tsx';
import type { Level } from '../../parts/state.tsx';
import { toast } from '../../parts/toast.tsx';
import { When, ZoneName } from '../../parts/when.tsx';
import { useRead } from '../../query.ts';
import { useQuerySearch, useSetSearch } from '../../url.ts';
import { comparable } from './comparable.ts';
import { Markers } from './markers.tsx';
import { AsItWas } from './past.tsx';
import { headlineText, type Impact, type Measure, toMeasures, verdictText } from './measures.ts';
import { Exposure, Noticed, SideBySide } from './side-by-side.tsx';
import { timeFrom } from './time-from.ts';
import { Timeline } from './timeline.tsx';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Before and after a change: what was dropped, what the fix did, in rate and money. */
export default function ImpactPage(): ReactNode {
  const asked = timeFrom(useQuerySearch()['at'] ?? '');
  const newest = useRead('markers.list', { query: { limit: 50 } }, { enabled: asked === null });
  const marker = comparable(newest.data?.items ?? [], now());
  if (asked !== null) return <Around at={asked} />;
  if (newest.isPending) return <Loading height={400} what="Reading the markers…" />;
  if (marker !== undefined) return <Around at={marker.at} />;
  return (
    <div className="impact">
      <Sentence lead="Give the time of a change, such as a deploy or the end of an incident: what was dropped and late before it is compared with what was after it.">
        What did a change do?
      </Sentence>
      <Card>
        <AroundForm at={null} />
      </Card>
      <Markers here={null} />
    </div>
  );
}

function Around({ at }: { at: string }): ReactNode {
  const setSearch = useSetSearch();
  const impact = useRead('impact.get', { query: { at } });
  const move = (byMs: number): void =>
    setSearch({ at: new Date(Date.parse(at) + byMs).toISOString(), moment: null });
  useKeys([
    { keys: '[', text: 'A day earlier', run: () => move(-dayMs) },
    { keys: ']', text: 'A day later', run: () => move(dayMs) },
  ]);
  const { data, error, isPlaceholderData } = impact;
  const isCurrent = data !== undefined && error === null && !isPlaceholderData;
  return (
    <div className="impact">
      {isCurrent ? <Headline at={at} impact={data} /> : <Pending at={at} problem={error} />}
      <Card>
        <AroundForm key={at} at={at} move={move} />
      </Card>
      {error === null ? (
        <Reading of={impact} what="Comparing before and after…" height={520}>
          {(answer) => <Compared at={at} impact={answer} />}
        </Reading>
      ) : (
        <Refusal problem={error} onRetry={error.status === 422 ? undefined : () => void impact.refetch()} />
      )}
      <AsItWas key={at} at={at} />
      <Markers here={at} />
    </div>
  );
}

function Pending({ at, problem }: { at: string; problem: Problem | null }): ReactNode {
  return (
    <Sentence>
      {problem === null ? 'Comparing before and after ' : 'Nothing to compare around '}
      <When at={at} precision="minute" />
    </Sentence>
  );
}

const measureLevel = ({ verdict, after }: Measure): Level =>
  verdict === 'worse' ? 'act' : verdict === 'better' || after.count === 0 ? 'well' : 'watch';

function Headline({ at, impact }: { at: string; impact: Impact }): ReactNode {
  const [dropped] = toMeasures(impact);
  const sentence = headlineText(dropped);
  const verdict = verdictText(dropped);
  return (
    <Sentence
      level={measureLevel(dropped)}
      lead={
        <>
          {verdict} Before and after <When at={at} precision="minute" /> <ZoneName />.
        </>
      }
      actions={
        <>
          <Download at={at} format="markdown" name="Markdown" />
          <Download at={at} format="html" name="Page" />
          <Download at={at} format="json" name="JSON" />
          <Copy text={`${sentence}. ${verdict}`} label="Copy the sentence" />
        </>
      }
    >
      {sentence}
    </Sentence>
  );
}

const files = {
  markdown: { type: 'text/markdown', name: 'impact.md' },
  html: { type: 'text/html', name: 'impact.html' },
  json: { type: 'application/json', name: 'impact.json' },
} as const;

/** The report as a file. */
function Download({ at, format, name }: { at: string; format: keyof typeof files; name: string }): ReactNode {
  const save = async (): Promise<void> => {
    try {
      const { markdown, html, ...result } = await call('impact.get', { query: { at, format } });
      const text = format === 'json' ? JSON.stringify(result, null, 2) : (markdown ?? html ?? '');
      const url = URL.createObjectURL(new Blob([text], { type: files[format].type }));
      const link = document.createElement('a');
      link.href = url;
      link.download = files[format].name;
      link.click();
      URL.revokeObjectURL(url);
    } catch (error) {
      toast((error as Error).message, 'bad');
    }
  };
  return <Button onClick={() => void save()}>{name}</Button>;
}

/** When the change came: written, or moved by a day or an hour. */
function AroundForm({ at, move }: { at: string | null; move?: (byMs: number) => void }): ReactNode {
  const setSearch = useSetSearch();
  const [text, setText] = useState(at === null ? '' : at.replace('T', ' ').replace(/(:00)?\.000Z$/, ''));
  const [isRefused, setRefused] = useState(false);
  const use = (): void => {
    const time = timeFrom(text);
    setRefused(time === null);
    if (time !== null) setSearch({ at: time, moment: null });
  };
  const step = (byMs: number, text: string): ReactNode =>
    move === undefined || at === null ? null : (
      <Button
        onClick={() => move(byMs)}
        forbidden={Date.parse(at) + byMs > now() ? 'That time has not come yet.' : null}
      >
        {text}
      </Button>
    );
  return (
    <form
      className="impact-around no-print"
      onSubmit={(event) => {
        event.preventDefault();
        use();
      }}
    >
      {step(-dayMs, '← A day')}
      {step(-hourMs, '← An hour')}
      <div className="field">
        <label htmlFor="impact-at">When the change came, in UTC unless a zone is given</label>
        <input
          id="impact-at"
          className="input mono"
          placeholder="2026-11-09 14:05"
          value={text}
          aria-invalid={isRefused}
          aria-describedby="impact-at-refused"
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <Button kind="go" isSubmit>
        Compare
      </Button>
      {step(hourMs, 'An hour →')}
      {step(dayMs, 'A day →')}
      <p id="impact-at-refused" className="field-error" role="alert">
        {isRefused ? 'Write it as 2026-11-09 14:05.' : null}
      </p>
    </form>
  );
}

/** A note of the server: what stands between backticks is a command. */
function Note({ text }: { text: string }): ReactNode {
  return text.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part));
}

function Compared({ at, impact }: { at: string; impact: Impact }): ReactNode {
  const notes = [
    ...impact.before.notes.map((note) => `Before: ${note}`),
    ...impact.after.notes.map((note) => `After: ${note}`),
  ];
  return (
    <div className="impact">
      <Timeline at={at} impact={impact} />
      <SideBySide impact={impact} />
      <div className="impact-columns">
        <Exposure impact={impact} />
        <Noticed impact={impact} />
      </div>
      <Card title="Where these numbers come from">
        {notes.length === 0 ? (
          <Empty>The counters know both times exactly as they are shown.</Empty>
        ) : (
          <ul>
            {notes.map((note) => (
              <li key={note}>
                <Note text={note} />
              </li>
            ))}
          </ul>
        )}
      </Card>
    </div>
  );
}
