import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { moneyText } from '../../parts/money.ts';
import { Refusal } from '../../parts/panel.tsx';
import { toast } from '../../parts/toast.tsx';
import { Untrusted } from '../../parts/untrusted.tsx';
import { refresh } from '../../query.ts';
import type { Details } from './timeline.ts';

function useAction(act: (idempotencyKey: string) => Promise<void>, onClose: () => void) {
  const [isAsked, setAsked] = useState(false);
  const [refused, setRefused] = useState<Problem | null>(null);
  const key = useMemo(newIdempotencyKey, []);
  const run = async (): Promise<void> => {
    setAsked(true);
    setRefused(null);
    try {
      await act(key);
      onClose();
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
      setAsked(false);
    }
    await refresh('deliveries.get', 'deliveries.list', 'events.get');
  };
  return { isAsked, refused, run };
}

/** Stops a pending delivery, with a reason that stays with it. */
export function CancelDialog({ details, onClose }: { details: Details; onClose: () => void }): ReactNode {
  const { id, value, endpoint } = details;
  const [reason, setReason] = useState('');
  const { isAsked, refused, run } = useAction(async (idempotencyKey) => {
    await call('deliveries.cancel', { params: { id }, body: { reason: reason.trim() }, idempotencyKey });
    toast('Cancelled');
  }, onClose);
  return (
    <Dialog
      title="Cancel this delivery"
      onClose={onClose}
      actions={
        <Button
          kind="danger"
          forbidden={reason.trim() === '' ? 'Say why: it is kept with the delivery.' : null}
          onClick={() => void run()}
        >
          {isAsked ? 'Asked…' : 'Cancel the delivery'}
        </Button>
      }
    >
      <p>
        <Untrusted text={endpoint.host} /> is not told of it
        {value === null ? '' : `, worth ${moneyText(value)}`}, unless it is redriven. An attempt that is under
        way is not cut.
      </p>
      <div className="field">
        <label htmlFor="cancel-reason">Why</label>
        <input
          id="cancel-reason"
          className="input"
          maxLength={256}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}

/** Delivers the event once more to the same endpoint. */
export function ReplayDialog({ details, onClose }: { details: Details; onClose: () => void }): ReactNode {
  const { event_id: event, tenant, endpoint_id: endpointId, endpoint } = details;
  const { isAsked, refused, run } = useAction(async (idempotencyKey) => {
    const answer = await call('events.replay', {
      params: { id: event },
      query: { tenant },
      body: { endpoint_id: endpointId },
      idempotencyKey,
    });
    const [made] = answer.delivery_ids;
    toast(
      made === undefined ? (
        'Replayed'
      ) : (
        <Link to={`/deliveries/${made}`}>Replayed: see the new delivery</Link>
      ),
    );
  }, onClose);
  return (
    <Dialog
      title="Replay the event to this endpoint"
      onClose={onClose}
      actions={
        <Button kind="go" onClick={() => void run()}>
          {isAsked ? 'Asked…' : 'Replay'}
        </Button>
      }
    >
      <p>
        <Untrusted text={endpoint.host} /> gets <Untrusted text={event} max={80} /> again, as a new delivery
        under the same webhook-id: a receiver that deduplicates skips it.
      </p>
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}
