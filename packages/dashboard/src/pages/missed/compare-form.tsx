import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { percent, plural } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { compare, type Comparison, type Progress, type Window } from './compare.ts';
import { Queries } from './queries.tsx';

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly progress: Progress }
  | { readonly kind: 'failed'; readonly error: Error };

interface Comparing {
  readonly state: State;
  readonly run: (file: Blob) => Promise<void>;
  readonly stop: () => void;
}

/** Compares a list of ids at a time; a new one ends the one before. */
function useComparing(window: Window, onCompared: (of: Window, comparison: Comparison) => void): Comparing {
  const [state, setState] = useState<State>({ kind: 'idle' });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const run = async (file: Blob): Promise<void> => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    setState({ kind: 'running', progress: { step: 'reading', share: 0, ids: 0 } });
    try {
      const onProgress = (progress: Progress): void => setState({ kind: 'running', progress });
      const comparison = await compare(file, window, onProgress, mine.signal);
      setState({ kind: 'idle' });
      onCompared(window, comparison);
    } catch (error) {
      if (mine.signal.aborted) setState({ kind: 'idle' });
      else setState({ kind: 'failed', error: error as Error });
    }
  };
  return { state, run, stop: () => running.current?.abort() };
}

/** Takes ids from a file or from a field, and compares them with what was sent. */
export function Compare({
  way,
  window,
  onCompared,
}: {
  way: 'file' | 'paste';
  window: Window;
  onCompared: (of: Window, comparison: Comparison) => void;
}): ReactNode {
  const { state, run, stop } = useComparing(window, onCompared);
  const isBusy = state.kind === 'running';
  return (
    <div className="stack">
      {way === 'file' ? (
        <Drop isBusy={isBusy} onFile={(file) => void run(file)} />
      ) : (
        <Pasted isBusy={isBusy} onText={(text) => void run(new Blob([text]))} />
      )}
      <div aria-live="polite" className="missed-live">
        {isBusy ? <Running progress={state.progress} onStop={stop} /> : null}
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

function Pasted({ isBusy, onText }: { isBusy: boolean; onText: (text: string) => void }): ReactNode {
  const [text, setText] = useState('');
  const isEmpty = text.trim() === '';
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isEmpty) onText(text);
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
        <Button kind="go" isSubmit forbidden={isBusy ? 'Comparing…' : isEmpty ? 'Paste ids first.' : null}>
          Compare
        </Button>
      </p>
    </form>
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
