import { type ReactNode, useEffect, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { type Job, lengthText, rateFrom } from '../../parts/bulk-action.ts';
import { Button } from '../../parts/button.tsx';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { toast } from '../../parts/toast.tsx';
import { refresh } from '../../query.ts';
import { useForbidden } from '../../session.tsx';

export type Kind = 'redrive' | 'replay';

const change = async (kind: Kind, id: string, ratePerS: number | null): Promise<Job> => {
  const request = { params: { id }, body: { rate_per_s: ratePerS }, idempotencyKey: newIdempotencyKey() };
  return kind === 'redrive' ? await call('redrives.update', request) : await call('replays.update', request);
};
const stop = async (kind: Kind, id: string): Promise<Job> => {
  const request = { params: { id }, idempotencyKey: newIdempotencyKey() };
  return kind === 'redrive' ? await call('redrives.stop', request) : await call('replays.stop', request);
};

interface Action {
  readonly isAsking: boolean;
  readonly refused: Problem | null;
  readonly run: (action: () => Promise<unknown>, said: string) => void;
}

/** What the server said to an action, and whether it is still asked. */
function useAction(): Action {
  const [isAsking, setAsking] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const run = async (action: () => Promise<unknown>, said: string): Promise<void> => {
    setAsking(true);
    setRefused(null);
    try {
      await action();
      toast(said);
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
    }
    await refresh('redrives.get', 'redrives.list', 'replays.get', 'replays.list');
    setAsking(false);
  };
  return { isAsking, refused, run: (action, said) => void run(action, said) };
}

const asking = 'Asking the server…';

export function StopJob({ job, kind }: { job: Job; kind: Kind }): ReactNode {
  const forbidden = useForbidden(kind);
  const { isAsking, refused, run } = useAction();
  return (
    <>
      <Button
        kind="danger"
        forbidden={forbidden ?? (isAsking ? asking : null)}
        onClick={() =>
          run(() => stop(kind, job.id), 'Stopped. What it has sent goes on; the rest stays as it is.')
        }
      >
        Stop
      </Button>
      {refused === null ? null : <Refusal problem={refused} />}
    </>
  );
}

/** The rate, adjustable while it runs. */
export function ChangeRate({ job, kind, left }: { job: Job; kind: Kind; left: number }): ReactNode {
  const forbidden = useForbidden(kind);
  const { isAsking, refused, run } = useAction();
  const [text, setText] = useState(String(job.rate_per_s ?? ''));
  useEffect(() => setText(String(job.rate_per_s ?? '')), [job.rate_per_s]);
  const rate = rateFrom(text);
  const why = isAsking ? asking : rate === 'wrong' ? 'A number from 0.001 to 100,000, or nothing.' : null;
  return (
    <form
      className="field"
      onSubmit={(event) => {
        event.preventDefault();
        if (rate !== 'wrong' && forbidden === null)
          run(() => change(kind, job.id, rate), 'The rate is changed.');
      }}
    >
      <label htmlFor="job-rate">Deliveries a second; empty: no limit</label>
      <div className="row job-rate">
        <input
          id="job-rate"
          className="input"
          inputMode="decimal"
          value={text}
          aria-invalid={rate === 'wrong'}
          aria-describedby="job-rate-help"
          onChange={(event) => setText(event.target.value)}
        />
        <Button isSubmit forbidden={forbidden ?? why}>
          Change the rate
        </Button>
      </div>
      <p id="job-rate-help" className={rate === 'wrong' ? 'field-error' : 'label'}>
        {rate === 'wrong' ? why : `${countText(left)} left: ${lengthText(left, rate)}.`}
      </p>
      {refused === null ? null : <Refusal problem={refused} />}
    </form>
  );
}
