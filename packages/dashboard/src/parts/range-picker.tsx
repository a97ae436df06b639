import { type ReactNode, useState } from 'react';
import { now } from '../clock.ts';
import { useKeys } from '../keys.ts';
import { fixedLink, pastedRange, presets, presetWords, type Range, shifted } from '../range.ts';
import { useSetSearch } from '../url.ts';
import { Button } from './button.tsx';
import { Copy } from './copy.tsx';
import { Dialog } from './dialog.tsx';
import { When } from './when.tsx';

/** 1 h, 24 h, 7 d, 30 d, or any two times to the second; written into the URL. */
export function RangePicker({ range }: { range: Range }): ReactNode {
  const setSearch = useSetSearch();
  const [isOpen, setOpen] = useState(false);
  const move = (direction: -1 | 1): void => {
    const next = range.since === '' ? null : shifted(range, now(), direction);
    if (next !== null) setSearch({ ...next, last: null });
  };
  useKeys([
    { keys: '[', text: 'The same length of time before', run: () => move(-1) },
    { keys: ']', text: 'The same length of time after', run: () => move(1) },
    { keys: 't', text: 'Show another time', run: () => setOpen(true) },
  ]);
  return (
    <div className="row range-picker" role="group" aria-label="Time">
      {presets.map((preset) => (
        <button
          key={preset}
          type="button"
          className="range-preset"
          aria-pressed={range.last === preset}
          title={presetWords[preset]}
          onClick={() => setSearch({ last: preset, since: null, until: null })}
        >
          {preset.replace(/(\d+)/, '$1 ')}
        </button>
      ))}
      <button
        type="button"
        className="range-preset"
        aria-pressed={range.last === null}
        onClick={() => setOpen(true)}
      >
        {range.last === null ? (
          <>
            <When at={range.since} /> to {range.until === undefined ? 'now' : <When at={range.until} />}
          </>
        ) : (
          'Custom…'
        )}
      </button>
      <Copy text={() => fixedLink(location.href, range, now())} label="Copy link" />
      {isOpen ? <CustomRange onClose={() => setOpen(false)} /> : null}
    </div>
  );
}

function CustomRange({ onClose }: { onClose: () => void }): ReactNode {
  const setSearch = useSetSearch();
  const [text, setText] = useState('');
  const [isRefused, setRefused] = useState(false);
  const use = (): void => {
    const found = pastedRange(text);
    if (found === null) return setRefused(true);
    setSearch({ ...found, last: null });
    onClose();
  };
  return (
    <Dialog
      title="Show another time"
      onClose={onClose}
      actions={
        <Button kind="go" onClick={use}>
          Show
        </Button>
      }
    >
      <form
        className="field"
        onSubmit={(event) => {
          event.preventDefault();
          use();
        }}
      >
        <label htmlFor="custom-range">From and to, in UTC unless a zone is given</label>
        <input
          id="custom-range"
          className="input mono"
          placeholder="2026-11-24 02:00..03:00"
          value={text}
          onChange={(event) => setText(event.target.value)}
          aria-invalid={isRefused}
          aria-describedby="custom-range-refusal"
        />
        <p id="custom-range-refusal" className="field-error" role="alert">
          {isRefused ? 'Write it as 2026-11-24 02:00..03:00, the earlier time first.' : null}
        </p>
      </form>
    </Dialog>
  );
}
