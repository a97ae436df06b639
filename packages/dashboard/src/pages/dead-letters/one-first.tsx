import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { type Answer, call, newIdempotencyKey, Problem } from '../../api.ts';
import type { BulkFilter } from '../../parts/bulk-action.ts';
import { Button } from '../../parts/button.tsx';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { durationText } from '../../parts/time.ts';
import { refresh, useRead } from '../../query.ts';
import type { Group } from './words.ts';

const everyMs = 500;

interface Sent {
  readonly id: string;
  /** Attempts before it was sent. */
  readonly attempts: number;
}

/** Sends the oldest of a group, waits for its outcome here, then offers the rest. */
export function OneFirst({
  group,
  filter,
  forbidden,
  onRest,
}: {
  group: Group;
  filter: BulkFilter;
  forbidden: string | null;
  onRest: () => void;
}): ReactNode {
  const [sent, setSent] = useState<Sent | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const send = async (): Promise<void> => {
    setAsking(true);
    setRefused(null);
    try {
      const { items } = await call('deliveries.list', {
        query: { ...filter, order: 'asc', limit: 1 } as never,
      });
      const [oldest] = items;
      if (oldest === undefined) throw new Problem(404, 'not_found', 'None of them is left.');
      await call('deliveries.redrive', { params: { id: oldest.id }, idempotencyKey: newIdempotencyKey() });
      setSent({ id: oldest.id, attempts: oldest.attempt_count });
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
    }
    setAsking(false);
  };
  return (
    <>
      <Button forbidden={forbidden ?? (isAsking ? 'Asking the server…' : null)} onClick={() => void send()}>
        {sent === null ? 'One first' : 'Another one'}
      </Button>
      {refused === null ? null : <Refusal problem={refused} />}
      {sent === null ? null : <Outcome key={sent.id} sent={sent} group={group} onRest={onRest} />}
    </>
  );
}

/** What the attempt came to; null: there is none yet. */
function attemptSince(
  delivery: Answer<'deliveries.get'>,
  { attempts }: Sent,
): Answer<'deliveries.get'>['attempts'][number] | null {
  return delivery.attempts.length > attempts ? (delivery.attempts.at(-1) ?? null) : null;
}

function Outcome({ sent, group, onRest }: { sent: Sent; group: Group; onRest: () => void }): ReactNode {
  const [isOver, setOver] = useState(false);
  const read = useRead('deliveries.get', { params: { id: sent.id } }, { everyMs: isOver ? false : everyMs });
  const attempt = read.data === undefined ? null : attemptSince(read.data, sent);
  if (attempt !== null && !isOver) {
    setOver(true);
    void refresh('deadLetters.list');
  }
  const link = <Link to={`/deliveries/${sent.id}`}>{sent.id}</Link>;
  return (
    <div className="dead-outcome" role="status">
      {attempt === null ? (
        <p className="soft">◐ {link} is under way…</p>
      ) : attempt.outcome === 'delivered' ? (
        <>
          <p className="good">
            ● {link} is delivered: {attempt.status_code} in {durationText(attempt.duration_ms)}.
          </p>
          {group.count > 0 ? (
            <Button kind="go" onClick={onRest}>
              Redrive the other {countText(group.count)}…
            </Button>
          ) : null}
        </>
      ) : (
        <p className="bad">
          ✕ {link} failed again: {attempt.status_code ?? attempt.error_class} after{' '}
          {durationText(attempt.duration_ms)}. The rest stays as it is.
        </p>
      )}
    </div>
  );
}
