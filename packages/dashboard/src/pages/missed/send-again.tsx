import { type ReactNode, useEffect, useRef, useState } from 'react';
import { call, Problem } from '../../api.ts';
import { Button } from '../../parts/button.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { moneyLine } from '../../parts/money.ts';
import { countText, plural } from '../../parts/number.ts';
import { Refusal } from '../../parts/panel.tsx';
import { refresh } from '../../query.ts';
import { useForbidden, useMe } from '../../session.tsx';
import type { Missing, Window } from './compare.ts';
import { wordsFor } from './words.ts';

/** More of them are no work for a page. */
const maxSent = 1000;

/** A delivered event is delivered again as a new delivery; one that ended otherwise goes on. */
async function sendAgain(
  { state, event_id: id, delivery_id: delivery }: Missing,
  { endpoint_id, tenant }: Window,
  key: string,
): Promise<void> {
  if (state === 'delivered')
    await call('events.replay', {
      params: { id },
      query: { tenant },
      body: { endpoint_id },
      idempotencyKey: key,
    });
  else await call('deliveries.redrive', { params: { id: delivery }, idempotencyKey: key });
}

/** What they are worth, by currency. */
function worthOf(missing: readonly Missing[]): string {
  const sums = new Map<string, { currency: string; amount_minor: string; events: number }>();
  for (const { value } of missing) {
    if (value === null) continue;
    const { amount_minor: before, events } = sums.get(value.currency) ?? { amount_minor: '0', events: 0 };
    sums.set(value.currency, {
      currency: value.currency,
      amount_minor: String(BigInt(before) + BigInt(value.amount_minor)),
      events: events + 1,
    });
  }
  return moneyLine([...sums.values()]);
}

/** Sends what is missing again, one after the other, in order and with the answer of each. */
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
  const { list } = wordsFor({ kind });
  const mayReplay = useForbidden('replay');
  const mayRedrive = useForbidden('redrive');
  const [run] = useState(() => crypto.randomUUID());
  const [sent, setSent] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isRunning, setRunning] = useState(false);
  const stopped = useRef(false);
  useEffect(
    () => () => {
      stopped.current = true;
    },
    [],
  );
  const all = missing.slice(0, maxSent);
  const delivered = all.filter(({ state }) => state === 'delivered').length;
  const forbidden = (delivered > 0 ? mayReplay : null) ?? (delivered < all.length ? mayRedrive : null);
  const worth = worthOf(all);
  const start = async (): Promise<void> => {
    setRunning(true);
    setProblem(null);
    stopped.current = false;
    let count = sent;
    try {
      for (const one of all.slice(sent)) {
        if (stopped.current) break;
        // The same key after a failure: what was done is not done twice.
        await sendAgain(one, window, `${run}-${one.delivery_id}`);
        setSent(++count);
      }
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, 'internal', (error as Error).message));
    }
    setRunning(false);
    await refresh('deliveries.list', 'accounting.get', 'deadLetters.list');
  };
  const isDone = sent === all.length;
  return (
    <Dialog
      title={
        isDone
          ? `${plural(sent, 'delivery', 'deliveries')} sent again`
          : `Send ${countText(all.length)} again`
      }
      onClose={onClose}
      actions={
        isDone ? null : isRunning ? (
          <Button
            onClick={() => {
              stopped.current = true;
            }}
          >
            Stop
          </Button>
        ) : (
          <Button kind="go" forbidden={forbidden} onClick={() => void start()}>
            {sent === 0 ? 'Send them' : 'Go on'}
          </Button>
        )
      }
    >
      <p>
        {plural(all.length, 'delivery', 'deliveries')}
        {worth === '' ? '' : ` worth ${worth}`}: {countText(delivered)} that were answered with 2xx are
        delivered once more, {countText(all.length - delivered)} that ended undelivered go on.
      </p>
      <p className="soft">
        The <code>webhook-id</code> is the same, so a receiver that deduplicates skips what it still knows.
        Ids in {list} are left out for that reason.
        {missing.length > maxSent
          ? ` The first ${countText(maxSent)} are sent; compare again for the others.`
          : ''}
      </p>
      <div aria-live="polite">
        {sent > 0 || isRunning ? (
          <label className="field">
            <span>
              {countText(sent)} of {countText(all.length)} asked for
              {isRunning ? ': keep this page open' : ''}
            </span>
            <progress className="missed-progress" max={all.length} value={sent} />
          </label>
        ) : null}
      </div>
      {problem === null ? null : <Refusal problem={problem} />}
    </Dialog>
  );
}
