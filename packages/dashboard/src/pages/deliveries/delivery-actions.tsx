import { type ReactNode, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { useKeys } from '../../keys.ts';
import { Button } from '../../parts/button.tsx';
import { Copy } from '../../parts/copy.tsx';
import { toast } from '../../parts/toast.tsx';
import { refresh } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { cannotSendAgain } from './data-deleted.tsx';
import { CancelDialog, ReplayDialog } from './dialogs.tsx';
import type { Details } from './timeline.ts';

/** Redrives one, and says what became of it. */
function useRedrive(id: string): { readonly isAsked: boolean; readonly redrive: () => Promise<void> } {
  const [isAsked, setAsked] = useState(false);
  const redrive = async (): Promise<void> => {
    setAsked(true);
    try {
      await call('deliveries.redrive', { params: { id }, idempotencyKey: newIdempotencyKey() });
      toast('Redriven: due now');
    } catch (error) {
      toast(error instanceof Problem ? error.message : String(error), 'bad');
    }
    setAsked(false);
    await refresh('deliveries.get', 'deliveries.list');
  };
  return { isAsked, redrive };
}

/** What can be done with a delivery in its state. */
export function DeliveryActions({ details }: { details: Details }): ReactNode {
  const { id, state, endpoint, event } = details;
  const forbidRedrive = useForbidden('redrive');
  const forbidReplay = useForbidden('replay');
  const forbidCancel = useForbidden('operate');
  const [open, setOpen] = useState<'cancel' | 'replay' | null>(null);
  const { isAsked, redrive } = useRedrive(id);
  const deleted =
    event.data_deleted_at !== null
      ? cannotSendAgain
      : endpoint.deleted
        ? 'Its endpoint was deleted: replay the event to another one.'
        : null;
  const word = state === 'pending' ? 'Try now' : 'Redrive';
  useKeys(
    state === 'delivered' || forbidRedrive !== null || deleted !== null
      ? []
      : [{ keys: 'r', text: `${word} this delivery`, run: () => void redrive() }],
  );
  return (
    <>
      {state === 'delivered' ? null : (
        <Button kind="go" forbidden={deleted ?? forbidRedrive} onClick={() => void redrive()}>
          {isAsked ? 'Asked…' : word}
        </Button>
      )}
      {state === 'pending' ? (
        <Button forbidden={forbidCancel} onClick={() => setOpen('cancel')}>
          Cancel…
        </Button>
      ) : null}
      {state === 'delivered' ? (
        <Button forbidden={deleted ?? forbidReplay} onClick={() => setOpen('replay')}>
          Replay…
        </Button>
      ) : null}
      <Copy text={`${location.origin}/deliveries/${id}`} label="Copy link" />
      {open === 'cancel' ? <CancelDialog details={details} onClose={() => setOpen(null)} /> : null}
      {open === 'replay' ? <ReplayDialog details={details} onClose={() => setOpen(null)} /> : null}
    </>
  );
}
