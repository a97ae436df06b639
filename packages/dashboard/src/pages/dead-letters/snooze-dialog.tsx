import { type ReactNode, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { now } from '../../clock.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { countText } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { toast } from '../../parts/toast.tsx';
import { refresh } from '../../query.ts';
import type { Group } from './words.ts';

const lengths = [
  { name: '4 hours', hours: 4 },
  { name: '1 day', hours: 24 },
  { name: '3 days', hours: 72 },
  { name: '7 days', hours: 168 },
  { name: '30 days', hours: 720 - 1 },
] as const;

interface Snooze {
  readonly hours: number;
  readonly orDoubled: boolean;
  readonly reason: string;
}

function useSnooze(group: Group, onDone: () => void) {
  const [refused, setRefused] = useState<Problem | null>(null);
  const [key] = useState(newIdempotencyKey);
  const snooze = async ({ hours, orDoubled, reason }: Snooze): Promise<void> => {
    try {
      await call('deadLetters.snooze', {
        params: { id: group.group_id },
        body: { until: new Date(now() + hours * 3_600_000).toISOString(), or_doubled: orDoubled, reason },
        idempotencyKey: `${key}-${hours}-${orDoubled}-${reason.length}`,
      });
      toast('Snoozed. Its alerts and its deliveries stay as they are.');
      void refresh('deadLetters.list');
      onDone();
    } catch (error) {
      setRefused(error instanceof Problem ? error : new Problem(0, 'failed', String(error)));
    }
  };
  return { snooze, refused };
}

/** A group may wait until a time or until it doubles, with a reason; never for ever. */
export function SnoozeDialog({ group, onClose }: { group: Group; onClose: () => void }): ReactNode {
  const [hours, setHours] = useState<number>(24);
  const [orDoubled, setOrDoubled] = useState(true);
  const [reason, setReason] = useState('');
  const { snooze, refused } = useSnooze(group, onClose);
  return (
    <Dialog
      title="Snooze this group"
      onClose={onClose}
      actions={
        <Button
          kind="go"
          forbidden={reason.trim() === '' ? 'Say why it may wait.' : null}
          onClick={() => void snooze({ hours, orDoubled, reason })}
        >
          Snooze
        </Button>
      }
    >
      <p className="soft">
        The list shows it as snoozed. Nothing is changed about its deliveries, its alerts or when they are
        deleted.
      </p>
      <div className="field">
        <label htmlFor="snooze-length">For</label>
        <select
          id="snooze-length"
          className="select"
          value={hours}
          onChange={(event) => setHours(Number(event.target.value))}
        >
          {lengths.map(({ name, hours: value }) => (
            <option key={name} value={value}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <label className="row">
        <input type="checkbox" checked={orDoubled} onChange={(event) => setOrDoubled(event.target.checked)} />
        or until there are {countText(group.count * 2)} of them
      </label>
      <div className="field">
        <label htmlFor="snooze-reason">Why it may wait</label>
        <input
          id="snooze-reason"
          className="input"
          maxLength={500}
          placeholder="the receiver deploys tomorrow"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {refused === null ? null : <Refusal problem={refused} />}
    </Dialog>
  );
}
