import '../styles/parts-bulk.css';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../api.ts';
import { orWhenBack, refresh } from '../query.ts';
import { useForbidden } from '../session.tsx';
import { type BulkAction, commandFor, type Job, lengthText } from './bulk-action.ts';
import { Button } from './button.tsx';
import { Copy } from './copy.tsx';
import { Dialog } from './dialog.tsx';
import { moneyLine } from './money.ts';
import { countText, plural } from './number.ts';
import { Reading, Refusal } from './panel.tsx';
import { RateField, usualRate, useRate } from './rate-field.tsx';
import { toast } from './toast.tsx';
import { Ago, When } from './when.tsx';

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
    refetchInterval: orWhenBack(countAgainMs),
    staleTime: 0,
    gcTime: 0,
  });
}

interface Begin {
  readonly isAsking: boolean;
  readonly refused: Problem | null;
  readonly begin: (fields: { readonly ratePerS: number | null; readonly name: string }) => Promise<void>;
}

/** Begins the job and goes to its page; what the server refuses stays in the dialog. */
function useBegin(action: BulkAction, idempotencyKey: string, onBegun: () => void): Begin {
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const begin: Begin['begin'] = async ({ ratePerS, name }) => {
    setAsking(true);
    setRefused(null);
    try {
      const fields = { rate_per_s: ratePerS, ...(name === '' ? {} : { name }) };
      const job = await create(action, fields, idempotencyKey);
      void refresh('redrives.list', 'replays.list', 'deadLetters.list', 'deliveries.list');
      const path = `/${action.kind}s/${job.id}`;
      toast(
        <>
          {verbs[action.kind]} of {plural(job.matched, 'delivery', 'deliveries')} begun.{' '}
          <Link to={path}>Follow it</Link>
        </>,
      );
      onBegun();
      void navigate({ to: path });
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
      setAsking(false);
    }
  };
  return { isAsking, refused, begin };
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
  const forbidden = useForbidden(action.kind);
  const [typed, setTyped] = useState(suggestedName);
  const name = typed.trim();
  const rate = useRate(usualRate);
  const { ratePerS } = rate;
  // One press is one job, however often it is pressed; with other words it is another one.
  const idempotencyKey = useMemo(newIdempotencyKey, [name, rate.text, action]);
  const { isAsking, refused, begin } = useBegin(action, idempotencyKey, onClose);
  const counted = useDryRun(action);
  const matched = counted.data === undefined ? null : counted.data.matched - counted.data.skipped;
  const verb = verbs[action.kind];
  const why =
    forbidden ??
    (isAsking ? 'Asking the server…' : null) ??
    rate.fault ??
    (matched === null ? 'Counting…' : matched === 0 ? 'Nothing that matches can be delivered.' : null);
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <Button kind="go" forbidden={why} onClick={() => void begin({ ratePerS, name })}>
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
        <NameField name={typed} setName={setTyped} />
        <RateField rate={rate} />
      </div>
      <p className="soft">
        {aboutOf[action.kind]} The first 20 go alone: if all of them fail, it stops itself.
      </p>
      <CommandLine command={commandFor(action, { ratePerS, name })} />
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}

const verbs = { redrive: 'Redrive', replay: 'Replay' } as const;

const aboutOf = {
  redrive: 'What dies meanwhile is not included.',
  replay: 'The webhook-id is the same, so a receiver that deduplicates skips what it has.',
} as const;

function NameField({ name, setName }: { name: string; setName: (name: string) => void }): ReactNode {
  return (
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

/** What the dry run counted. */
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
        <Fact name={kind === 'redrive' ? 'would become pending' : 'would be delivered again'} isMain>
          {countText(able)}
        </Fact>
        <Fact name="worth">{moneyLine(job.value) || 'nothing known'}</Fact>
        <Fact name="created">
          {job.oldest_at === null || job.newest_at === null ? (
            'none'
          ) : (
            <>
              <When at={job.oldest_at} /> to <When at={job.newest_at} />
            </>
          )}
        </Fact>
        <Fact name="endpoints">{countText(job.endpoints)}</Fact>
        <Fact name="ordering keys held back">{countText(job.keys_held)}</Fact>
        {job.skipped === 0 ? null : (
          <Fact name="skipped: their endpoint or data are deleted">
            <span className="wait">{countText(job.skipped)}</span>
          </Fact>
        )}
        <Fact name={ratePerS === null ? 'without a limit' : `at ${countText(ratePerS)} a second`}>
          {lengthText(able, ratePerS)}
        </Fact>
      </dl>
      <p className="label">
        Counted by the server <Ago at={new Date(countedAt).toISOString()} />.
      </p>
    </div>
  );
}

function Fact({
  name,
  isMain = false,
  children,
}: {
  name: string;
  isMain?: boolean;
  children: ReactNode;
}): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={isMain ? 'bulk-main' : undefined}>{children}</dd>
    </div>
  );
}
