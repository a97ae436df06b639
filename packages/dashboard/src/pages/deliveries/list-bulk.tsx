import { type ReactNode, useMemo, useState } from 'react';
import { call, newIdempotencyKey, Problem } from '../../api.ts';
import { BulkDialog } from '../../parts/bulk-dialog.tsx';
import { Button } from '../../parts/button.tsx';
import { countText, plural } from '../../parts/number.ts';
import { toast } from '../../parts/toast.tsx';
import { refresh } from '../../query.ts';
import { useForbidden } from '../../session.tsx';
import { CancelManyDialog, type ToCancel } from './cancel-many.tsx';
import { exportLines, save } from './export.ts';
import { bulkFilter } from './filters.ts';
import type { Listed } from './rows.tsx';

type Query = Readonly<Record<string, string>>;
type Say = (asked: string | null) => void;

/** Redrives one after another, and says how far it is. */
async function redriveEach(ids: readonly string[], say: Say): Promise<void> {
  let done = 0;
  for (const id of ids) {
    say(`Asked: ${done} of ${ids.length}…`);
    try {
      await call('deliveries.redrive', { params: { id }, idempotencyKey: newIdempotencyKey() });
      done++;
    } catch (error) {
      toast(`${id}: ${error instanceof Problem ? error.message : String(error)}`, 'bad');
    }
  }
  say(null);
  toast(`${plural(done, 'delivery', 'deliveries')} redriven: due now`);
}

/** Saves what matches as lines of JSON. */
async function exportAll(query: Query, say: Say): Promise<void> {
  say('Exporting…');
  try {
    const { blob, rows, isAll } = await exportLines(query, (count) => say(`${countText(count)} rows…`));
    save(blob, 'deliveries.jsonl');
    toast(
      isAll ? `${countText(rows)} rows exported` : `The first ${countText(rows)} rows exported`,
      isAll ? 'good' : 'wait',
    );
  } catch (error) {
    toast(error instanceof Problem ? error.message : String(error), 'bad');
  }
  say(null);
}

/** What can be done with the rows that are selected, and with all that match. */
export function Bulk({
  query,
  items,
  selected,
  onDone,
}: {
  query: Query;
  items: readonly Listed[];
  selected: ReadonlySet<string>;
  onDone: () => void;
}): ReactNode {
  const [asked, setAsked] = useState<string | null>(null);
  const busy = asked === null ? null : 'Something was asked for already.';
  const [toCancel, setToCancel] = useState<ToCancel | null>(null);
  const pending = items.filter(({ id, state }) => selected.has(id) && state === 'pending');
  const chosen = items.filter(({ id, state }) => selected.has(id) && state !== 'delivered');
  const redrive = async (): Promise<void> => {
    await redriveEach(
      chosen.map(({ id }) => id),
      setAsked,
    );
    onDone();
    await refresh('deliveries.list');
  };
  return (
    <div className="bulk no-print">
      {selected.size === 0 ? null : (
        <Selected
          count={selected.size}
          able={chosen.length}
          pending={pending.length}
          busy={busy}
          onRedrive={() => void redrive()}
          onCancel={() => setToCancel({ rows: pending })}
        />
      )}
      <AllThatMatch query={query} busy={busy} onCancel={() => setToCancel({ query })} />
      <Button forbidden={busy} onClick={() => void exportAll(query, setAsked)}>
        Export as JSON lines
      </Button>
      {asked === null ? null : <span role="status">{asked}</span>}
      {toCancel === null ? null : (
        <CancelManyDialog
          of={toCancel}
          onClose={() => {
            setToCancel(null);
            if ('rows' in toCancel) onDone();
          }}
        />
      )}
    </div>
  );
}

function Selected({
  count,
  able,
  pending,
  busy,
  onRedrive,
  onCancel,
}: {
  count: number;
  /** So many of them can be redriven. */
  able: number;
  /** So many of them can be cancelled. */
  pending: number;
  busy: string | null;
  onRedrive: () => void;
  onCancel: () => void;
}): ReactNode {
  const why = useForbidden('redrive') ?? busy;
  const whyNotCancel = useForbidden('operate') ?? busy;
  const none = able === 0 ? 'None of these can be redriven: they are delivered.' : null;
  return (
    <>
      <span>{countText(count)} selected</span>
      <Button kind="go" forbidden={why ?? none} onClick={onRedrive}>
        Redrive {plural(able, 'delivery', 'deliveries')}
      </Button>
      {pending === 0 ? null : (
        <Button forbidden={whyNotCancel} onClick={onCancel}>
          Cancel {plural(pending, 'delivery', 'deliveries')}…
        </Button>
      )}
    </>
  );
}

const titles = {
  redrive: 'Redrive all dead letters and suppressed deliveries that match',
  replay: 'Replay all deliveries that match',
} as const;

/** The filter itself is what is redriven, replayed or cancelled, not the rows that are shown. */
function AllThatMatch({
  query,
  busy,
  onCancel,
}: {
  query: Query;
  busy: string | null;
  onCancel: () => void;
}): ReactNode {
  const forbidCancel = useForbidden('operate');
  const states = query['state']?.split(',');
  const noneIsPending =
    states?.includes('pending') === false ? 'Only pending deliveries are cancelled.' : null;
  const forbidden = { redrive: useForbidden('redrive'), replay: useForbidden('replay') };
  const [bulk, setBulk] = useState<keyof typeof titles | null>(null);
  const filters = useMemo(
    () => ({ redrive: bulkFilter(query), replay: bulkFilter(query, 'replay') }),
    [query],
  );
  const why = (kind: keyof typeof titles): string | null => {
    const filter = filters[kind];
    return forbidden[kind] ?? busy ?? (typeof filter === 'string' ? filter : null);
  };
  const filter = bulk === null ? null : filters[bulk];
  return (
    <>
      <Button forbidden={why('redrive')} onClick={() => setBulk('redrive')}>
        Redrive all that match…
      </Button>
      <Button forbidden={why('replay')} onClick={() => setBulk('replay')}>
        Replay all that match…
      </Button>
      <Button forbidden={forbidCancel ?? busy ?? noneIsPending} onClick={onCancel}>
        Cancel all that match…
      </Button>
      {bulk === null || filter === null || typeof filter === 'string' ? null : (
        <BulkDialog action={{ kind: bulk, filter }} title={titles[bulk]} onClose={() => setBulk(null)} />
      )}
    </>
  );
}
