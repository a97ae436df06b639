import { type ReactNode, useEffect, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { type Job, lengthText } from '../../parts/bulk-action.ts';
import { Button } from '../../parts/button.tsx';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { RateField, useRate } from '../../parts/rate-field.tsx';
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
          run(
            () => stop(kind, job.id),
            'Stopped. Deliveries that it sent continue; the others stay as they are.',
          )
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
  const rate = useRate(String(job.rate_per_s ?? ''));
  const { setText, ratePerS, fault } = rate;
  useEffect(() => setText(String(job.rate_per_s ?? '')), [job.rate_per_s, setText]);
  const why = forbidden ?? (isAsking ? asking : fault);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (why === null) run(() => change(kind, job.id, ratePerS), 'The rate is changed.');
      }}
    >
      <RateField
        rate={rate}
        help={`${countText(left)} left: ${lengthText(left, ratePerS)}.`}
        button={
          <Button isSubmit forbidden={why}>
            Change the rate
          </Button>
        }
      />
      {refused === null ? null : <Refusal problem={refused} />}
    </form>
  );
}
