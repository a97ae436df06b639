import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useRef, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { cancelCommand } from '../../parts/bulk-action.ts';
import { CommandLine } from '../../parts/bulk-dialog.tsx';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { worthLine } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Reading } from '../../parts/panel.tsx';
import { toast } from '../../parts/toast.tsx';
import { refresh } from '../../query.ts';
import { bulkFilter } from './filters.ts';
import type { Listed } from './rows.tsx';

type Query = Readonly<Record<string, string>>;

/** What is to be cancelled: the rows that were selected, or what a filter matches. */
export type ToCancel = { readonly rows: readonly Listed[] } | { readonly query: Query };

/** They are cancelled one by one: so many at most in one go. */
const maxAtOnce = 1000;
/** A command with more ids than these is not one to copy. */
const maxIdsInCommand = 10;

interface Found {
  readonly items: readonly Listed[];
  readonly isAll: boolean;
}

async function pendingOf(of: ToCancel, signal: AbortSignal): Promise<Found> {
  if ('rows' in of) return { items: of.rows.filter(({ state }) => state === 'pending'), isAll: true };
  const items: Listed[] = [];
  let cursor: string | null = null;
  do {
    const page: { readonly items: readonly Listed[]; readonly next_cursor: string | null } = await call(
      'deliveries.list',
      {
        query: {
          ...of.query,
          state: 'pending',
          include: 'event,endpoint',
          limit: maxAtOnce,
          ...(cursor === null ? {} : { cursor }),
        },
        signal,
      },
    );
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && items.length < maxAtOnce);
  return { items: items.slice(0, maxAtOnce), isAll: cursor === null && items.length <= maxAtOnce };
}

/** The equal command; null: the command line has no such filter. */
function commandOf(of: ToCancel, { items }: Found, reason: string): string | null {
  if ('rows' in of)
    return items.length > maxIdsInCommand
      ? null
      : cancelCommand(
          items.map(({ id }) => id),
          reason,
        );
  const { state: _, ...others } = of.query;
  const filter = bulkFilter(others, 'replay');
  return typeof filter === 'string' || filter.status_code !== undefined
    ? null
    : cancelCommand(filter, reason);
}

interface Progress {
  readonly done: number;
  readonly refused: number;
}

/** Cancels one after another until the signal says stop; a delivery that was settled in the meantime is left as it is. */
async function cancelEach(
  items: readonly Listed[],
  reason: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: Progress) => void },
): Promise<Progress> {
  let progress: Progress = { done: 0, refused: 0 };
  for (const { id } of items) {
    if (signal.aborted) break;
    try {
      await call('deliveries.cancel', {
        params: { id },
        body: { reason },
        idempotencyKey: newIdempotencyKey(),
      });
      progress = { ...progress, done: progress.done + 1 };
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'wrong_state') throw error;
      progress = { ...progress, refused: progress.refused + 1 };
    }
    onProgress(progress);
  }
  return progress;
}

const settledText = ({ refused }: Progress): string =>
  refused === 0 ? '' : `; ${plural(refused, 'was', 'were')} settled in the meantime`;

interface Cancelling {
  /** Null: not begun. */
  readonly progress: Progress | null;
  readonly begin: (items: readonly Listed[], reason: string) => Promise<void>;
  readonly stop: () => void;
}

/** Cancels in the page: who closes it has cancelled what is cancelled so far. */
function useCancelling(onEnd: () => void): Cancelling {
  const [progress, setProgress] = useState<Progress | null>(null);
  const stop = useRef(new AbortController());
  const begin: Cancelling['begin'] = async (items, reason) => {
    setProgress({ done: 0, refused: 0 });
    try {
      const ended = await cancelEach(items, reason, { signal: stop.current.signal, onProgress: setProgress });
      toast(
        `${plural(ended.done, 'delivery', 'deliveries')} cancelled${settledText(ended)}`,
        ended.done + ended.refused < items.length ? 'wait' : 'good',
      );
    } catch (error) {
      toast(error instanceof Problem ? error.message : String(error), 'bad');
    }
    await refresh('deliveries.list', 'deliveries.get');
    onEnd();
  };
  return { progress, begin, stop: () => stop.current.abort() };
}

function whyNot(found: Found | undefined, reason: string): string | null {
  if (found === undefined) return 'Counting…';
  if (found.items.length === 0) return 'Nothing that matches is pending.';
  return reason === '' ? 'Say why: it is kept with each delivery.' : null;
}

/** Gives up many pending deliveries, with a reason that stays with each: first how many and their worth, then one by one. */
export function CancelManyDialog({ of, onClose }: { of: ToCancel; onClose: () => void }): ReactNode {
  const [typed, setTyped] = useState('');
  const reason = typed.trim();
  const { progress, begin, stop } = useCancelling(onClose);
  const found = useQuery<Found, Problem>({
    queryKey: ['to cancel', of],
    queryFn: ({ signal }) => pendingOf(of, signal),
    staleTime: Infinity,
    gcTime: 0,
  });
  const items = found.data?.items ?? [];
  const command = found.data === undefined ? null : commandOf(of, found.data, reason || '…');
  return (
    <Dialog
      title="Cancel pending deliveries"
      onClose={() => {
        stop();
        onClose();
      }}
      actions={
        progress === null ? (
          <Button
            kind="danger"
            forbidden={whyNot(found.data, reason)}
            onClick={() => void begin(items, reason)}
          >
            {items.length === 0 ? 'Cancel' : `Cancel ${plural(items.length, 'delivery', 'deliveries')}`}
          </Button>
        ) : (
          <Button onClick={stop}>Stop</Button>
        )
      }
    >
      <Reading of={found} what="Counting what is pending…" height={96}>
        {(counted) => <Counted found={counted} />}
      </Reading>
      <div className="field">
        <label htmlFor="cancel-many-reason">Why</label>
        <input
          id="cancel-many-reason"
          className="input"
          maxLength={256}
          value={typed}
          disabled={progress !== null}
          onChange={(event) => setTyped(event.target.value)}
        />
      </div>
      {command === null ? null : <CommandLine command={command} />}
      {progress === null ? null : (
        <p role="status">
          {countText(progress.done)} of {countText(items.length)} cancelled{settledText(progress)}
        </p>
      )}
    </Dialog>
  );
}

function Counted({ found: { items, isAll } }: { found: Found }): ReactNode {
  if (items.length === 0) return <p>Nothing that matches is pending.</p>;
  const worth = worthLine(items.map(({ event }) => event?.value));
  const endpoints = new Set(items.map(({ endpoint_id }) => endpoint_id)).size;
  return (
    <p>
      {isAll ? '' : 'The first '}
      {plural(items.length, 'delivery is', 'deliveries are')} pending for {plural(endpoints, 'endpoint')}
      {worth === '' ? '' : `, worth ${worth}`}.{' '}
      {items.length === 1 ? 'Its receiver does' : 'Their receivers do'} not get{' '}
      {items.length === 1 ? 'it unless it is' : 'them unless they are'} redriven. An attempt in flight is not
      interrupted.
      {isAll ? '' : ` Cancel these, then ask again for the next ${countText(maxAtOnce)}.`}
    </p>
  );
}
