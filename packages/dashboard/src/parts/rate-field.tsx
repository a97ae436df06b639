import { type ReactNode, useId, useState } from 'react';
import { rateFrom } from './bulk-action.ts';

/** What a job of many sends a second by default: as `20` in the field. */
export const usualRate = '20';

/** A rate as it is typed. */
export interface RateInput {
  readonly text: string;
  readonly setText: (text: string) => void;
  /** Null: no limit. */
  readonly ratePerS: number | null;
  /** Why it cannot be sent as it is. */
  readonly fault: string | null;
}

/** The rate that is typed, from this text on. */
export function useRate(initial: string): RateInput {
  const [text, setText] = useState(initial);
  const rate = rateFrom(text);
  return rate === 'wrong'
    ? { text, setText, ratePerS: null, fault: 'Enter a rate from 0.001 to 100,000, or nothing.' }
    : { text, setText, ratePerS: rate, fault: null };
}

/** How many deliveries a job sends a second: one field for redrives and replays, before they begin and while they run. */
export function RateField({
  rate: { text, setText, fault },
  help,
  button,
}: {
  rate: RateInput;
  /** What the rate means here, while it is one. */
  help?: ReactNode;
  /** Sends it, beside the field. */
  button?: ReactNode;
}): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Deliveries a second</label>
      <div className="row rate-field">
        <input
          id={id}
          className="input"
          inputMode="decimal"
          placeholder="no limit"
          value={text}
          aria-invalid={fault !== null}
          aria-describedby={`${id}-help`}
          onChange={(event) => setText(event.target.value)}
        />
        {button}
      </div>
      <p id={`${id}-help`} className={fault === null ? 'label' : 'field-error'} role="status">
        {fault ?? help}
      </p>
    </div>
  );
}
