import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { commandFor, type Job, kindOf } from '../../parts/bulk-action.ts';
import { CommandLine } from '../../parts/bulk-dialog.tsx';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { worthLine } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Reading, Refusal } from '../../parts/panel.tsx';
import { RateField, usualRate, useRate } from '../../parts/rate-field.tsx';
import { refresh, useRead } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';
import { Progress } from '../redrives/progress.tsx';
import type { Missing, Window } from './compare.ts';
import { type Again, actionsOf, maxSent } from './again.ts';
import { wordsFor } from './words.ts';

const create = async (
  { kind, filter, endpointId }: Again,
  ratePerS: number | null,
  idempotencyKey: string,
): Promise<Job> => {
  const fields = { name: 'missed by the receiver', rate_per_s: ratePerS };
  return kind === 'redrive'
    ? await call('redrives.create', { body: { filter, ...fields }, idempotencyKey })
    : await call('replays.create', { body: { filter, endpoint_id: endpointId, ...fields }, idempotencyKey });
};

interface Sending {
  readonly jobs: readonly Job[];
  readonly problem: Problem | null;
  readonly isAsking: boolean;
  readonly begin: (ratePerS: number | null) => Promise<void>;
}

/** Begins a job for each action. */
function useSending(actions: readonly Again[]): Sending {
  const [keys] = useState(() => ({ replay: newIdempotencyKey(), redrive: newIdempotencyKey() }));
  const [jobs, setJobs] = useState<readonly Job[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsking, setAsking] = useState(false);
  const begin = async (ratePerS: number | null): Promise<void> => {
    setAsking(true);
    setProblem(null);
    const begun: Job[] = [];
    try {
      // The same keys after a failure: what was begun is not begun twice.
      for (const action of actions) begun.push(await create(action, ratePerS, keys[action.kind]));
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
    setJobs(begun);
    setAsking(false);
    await refresh('deliveries.list', 'accounting.get', 'deadLetters.list', 'redrives.list', 'replays.list');
  };
  return { jobs, problem, isAsking, begin };
}

/** Sends what is missing again: as jobs of the server, which go on when this page is closed, and can be stopped. */
export function SendAgain({
  missing,
  window,
  onClose,
}: {
  missing: readonly Missing[];
  window: Window;
  onClose: () => void;
}): ReactNode {
  const { kind } = useMe();
  const may = { replay: useForbidden('replay'), redrive: useForbidden('redrive') };
  const all = missing.slice(0, maxSent);
  const actions = actionsOf(all, window);
  const rate = useRate(usualRate);
  const { ratePerS } = rate;
  const { jobs, problem, isAsking, begin } = useSending(actions);
  const isBegun = jobs.length === actions.length;
  const why =
    actions.map((action) => may[action.kind]).find((forbidden) => forbidden !== null) ??
    (isAsking ? 'Asking the server…' : rate.fault);
  return (
    <Dialog
      title={`Send ${countText(all.length)} again`}
      onClose={onClose}
      actions={
        isBegun ? null : (
          <Button kind="go" forbidden={why} onClick={() => void begin(ratePerS)}>
            Send them
          </Button>
        )
      }
    >
      <About sent={all} actions={actions} left={missing.length - all.length} />
      {isBegun ? null : <RateField rate={rate} />}
      <div aria-live="polite" className="stack">
        {jobs.map((job) => (
          <Begun key={job.id} begun={job} />
        ))}
      </div>
      {kind === 'portal' || all.length > maxShownIds
        ? null
        : actions.map((action) => (
            <CommandLine key={action.kind} command={commandFor(action, { ratePerS, name: '' })} />
          ))}
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}

/** What is sent, and what the receiver hears of it. */
function About({
  sent,
  actions,
  left,
}: {
  sent: readonly Missing[];
  actions: readonly Again[];
  /** So many do not fit into one job. */
  left: number;
}): ReactNode {
  const { list } = wordsFor(useMe());
  const worth = worthLine(sent.map(({ value }) => value));
  return (
    <>
      <p>
        {plural(sent.length, 'delivery', 'deliveries')}
        {worth === '' ? '' : ` worth ${worth}`}: {actions.map(({ text }) => text).join('; ')}.
      </p>
      <p className="soft">
        The <code>webhook-id</code> is the same, so a receiver that deduplicates skips what it still knows.
        Ids in {list} are left out for that reason. The first 20 go alone: if all of them fail, it stops
        itself.
        {left > 0 ? ` The first ${countText(maxSent)} are sent; compare again for the others.` : ''}
      </p>
    </>
  );
}

/** The command with more ids than this is a file, not a line. */
const maxShownIds = 20;

/** A job as it goes on; its own page has the rest. */
function Begun({ begun }: { begun: Job }): ReactNode {
  const kind = kindOf(begun);
  const read = { params: { id: begun.id } };
  const everyMs = 1000;
  const redrive = useRead('redrives.get', read, { enabled: kind === 'redrive', everyMs });
  const replay = useRead('replays.get', read, { enabled: kind === 'replay', everyMs });
  return (
    <div>
      <p>
        <Link to={`/${kind}s/${begun.id}`}>The {kind}</Link> goes on when this page is closed.
      </p>
      {kind === 'redrive' ? (
        <Reading of={redrive} what="Reading how it goes…" height={40}>
          {(job) => <Progress job={job} isShort />}
        </Reading>
      ) : (
        <Reading of={replay} what="Reading how it goes…" height={40}>
          {(job) => <Progress job={job} isShort />}
        </Reading>
      )}
    </div>
  );
}
