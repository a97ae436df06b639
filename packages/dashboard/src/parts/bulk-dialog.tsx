import '../styles/parts-bulk.css';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../api.ts';
import { refresh } from '../query.ts';
import { useForbidden } from '../session.tsx';
import { type BulkAction, commandFor, type Job, lengthText, rateFrom } from './bulk-action.ts';
import { Button } from './button.tsx';
import { Copy } from './copy.tsx';
import { Dialog } from './dialog.tsx';
import { moneyLine } from './money.ts';
import { countText, plural } from './number.ts';
import { Reading, Refusal } from './panel.tsx';
import { toast } from './toast.tsx';
import { Ago, When } from './when.tsx';

const usualRate = '20';
/** An open dialog counts again: what it says is never older. */
const countAgainMs = 30_000;

const bodyOf = ({ filter, endpointId }: BulkAction): Record<string, unknown> => ({
  filter,
  ...(endpointId === undefined ? {} : { endpoint_id: endpointId }),
});

async function create(
  action: BulkAction,
  body: Record<string, unknown>,
  idempotencyKey: string,
): Promise<Job> {
  const request = { body: { ...bodyOf(action), ...body }, idempotencyKey };
  return action.kind === 'redrive'
    ? await call('redrives.create', request)
    : await call('replays.create', request);
}

/** What it would do now, counted by the server. */
function useDryRun(action: BulkAction) {
  return useQuery<Job, Problem>({
    queryKey: ['dry run', action],
    queryFn: () => create(action, { dry_run: true }, newIdempotencyKey()),
    refetchInterval: countAgainMs,
    staleTime: 0,
    gcTime: 0,
  });
}

/** Redrives or replays many: first a dry run, then a job with a name that survives everything and can be stopped. */
export function BulkDialog({
  action,
  title,
  suggestedName = '',
  onClose,
}: {
  action: BulkAction;
  title: ReactNode;
  suggestedName?: string;
  onClose: () => void;
}): ReactNode {
  const navigate = useNavigate();
  const forbidden = useForbidden(action.kind);
  const [name, setName] = useState(suggestedName);
  const [rateText, setRateText] = useState(usualRate);
  const [isAsking, setAsking] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const rate = rateFrom(rateText);
  const ratePerS = rate === 'wrong' ? null : rate;
  // One press is one job, however often it is pressed; with other words it is another one.
  const idempotencyKey = useMemo(newIdempotencyKey, [name, rateText, action]);
  const counted = useDryRun(action);
  const matched = counted.data === undefined ? null : counted.data.matched - counted.data.skipped;
  const verb = action.kind === 'redrive' ? 'Redrive' : 'Replay';

  const begin = async (): Promise<void> => {
    setAsking(true);
    setRefused(null);
    try {
      const job = await create(
        action,
        { rate_per_s: ratePerS, ...(name.trim() === '' ? {} : { name: name.trim() }) },
        idempotencyKey,
      );
      void refresh('redrives.list', 'replays.list', 'deadLetters.list', 'deliveries.list');
      const path = `/${action.kind}s/${job.id}`;
      toast(
        <>
          {verb} of {plural(job.matched, 'delivery', 'deliveries')} begun. <Link to={path}>Follow it</Link>
        </>,
      );
      onClose();
      void navigate({ to: path });
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
      setAsking(false);
    }
  };

  const why =
    forbidden ??
    (isAsking ? 'Asking the server…' : null) ??
    (rate === 'wrong' ? 'Correct the rate first.' : null) ??
    (matched === null ? 'Counting…' : matched === 0 ? 'Nothing that matches can be delivered.' : null);
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <Button kind="go" forbidden={why} onClick={() => void begin()}>
          {matched === null ? verb : `${verb} ${countText(matched)}`}
        </Button>
      }
    >
      <Reading of={counted} what="Counting what matches…" height={216}>
        {(job) => (
          <Found job={job} ratePerS={ratePerS} kind={action.kind} countedAt={counted.dataUpdatedAt} />
        )}
      </Reading>
      <div className="bulk-fields">
        <div className="field">
          <label htmlFor="bulk-name">Name</label>
          <input
            id="bulk-name"
            className="input"
            maxLength={128}
            placeholder="certificate of 24 November"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div className="field">
          <label htmlFor="bulk-rate">Deliveries a second</label>
          <input
            id="bulk-rate"
            className="input"
            inputMode="decimal"
            placeholder="no limit"
            value={rateText}
            aria-invalid={rate === 'wrong'}
            aria-describedby="bulk-rate-error"
            onChange={(event) => setRateText(event.target.value)}
          />
          <p id="bulk-rate-error" className="field-error" role="alert">
            {rate === 'wrong' ? 'A number from 0.001 to 100,000, or nothing.' : null}
          </p>
        </div>
      </div>
      <p className="soft">
        {action.kind === 'redrive'
          ? 'What dies meanwhile is not included. '
          : 'The webhook-id is the same, so a receiver that deduplicates skips what it has. '}
        The first 20 go alone: if all of them fail, it stops itself.
      </p>
      <CommandLine command={commandFor(action, { ratePerS, name: name.trim() })} />
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}

/** The equal command, to copy. */
export function CommandLine({ command }: { command: string }): ReactNode {
  return (
    <div className="bulk-command">
      <code>{command}</code>
      <Copy text={command} label="Copy command" />
    </div>
  );
}

function Found({
  job,
  ratePerS,
  kind,
  countedAt,
}: {
  job: Job;
  ratePerS: number | null;
  kind: BulkAction['kind'];
  countedAt: number;
}): ReactNode {
  const able = job.matched - job.skipped;
  return (
    <div>
      <dl className="bulk-facts">
        <div>
          <dt>{kind === 'redrive' ? 'would become pending' : 'would be delivered again'}</dt>
          <dd className="bulk-main">{countText(able)}</dd>
        </div>
        <div>
          <dt>worth</dt>
          <dd>{moneyLine(job.value) || 'nothing known'}</dd>
        </div>
        <div>
          <dt>created</dt>
          <dd>
            {job.oldest_at === null ? (
              'none'
            ) : (
              <>
                <When at={job.oldest_at} /> to <When at={job.newest_at!} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>endpoints</dt>
          <dd>{countText(job.endpoints)}</dd>
        </div>
        <div>
          <dt>ordering keys held back</dt>
          <dd>{countText(job.keys_held)}</dd>
        </div>
        {job.skipped === 0 ? null : (
          <div>
            <dt>skipped: their endpoint is deleted</dt>
            <dd className="wait">{countText(job.skipped)}</dd>
          </div>
        )}
        <div>
          <dt>{ratePerS === null ? 'without a limit' : `at ${countText(ratePerS)} a second`}</dt>
          <dd>{lengthText(able, ratePerS)}</dd>
        </div>
      </dl>
      <p className="label">
        Counted by the server <Ago at={new Date(countedAt).toISOString()} />.
      </p>
    </div>
  );
}
