import { formatValue } from '../domain/money.ts';
import type { Store } from '../store/store.ts';
import { blockOfWeek } from './of-audit.ts';
import type { Side } from './side.ts';
import { everything, unaccountedOf } from '../store/accounting.ts';

const page = 1000;

/** A window of a Posthorn's own history; both ends ms since the epoch. */
export interface Window {
  readonly from: number;
  readonly until: number;
}

const add = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);

/**
 * A side from Posthorn's own books. What counts as lost in silence is what the ledger accepted and no row accounts for
 * (whole hours that touch the window): everything else has a state, a reason and an alert. `onProgress` gets deliveries read.
 */
export async function sideOfStore(
  store: Pick<Store, 'accounting' | 'deliveries'>,
  window: Window,
  label: string,
  now: number,
  onProgress: (deliveries: number) => void,
): Promise<Side> {
  const { from, until } = window;
  const counts = await store.accounting({
    ...everything,
    since: from,
    until,
    now,
  });
  const { accepted, pending, dead, cancelled, suppressed } = counts;
  const unaccounted = Math.max(0, unaccountedOf(counts));
  const endpoints = new Map<string, number>();
  const types = new Map<string, number>();
  const hoursOfWeek = new Map<string, number>();
  let read = 0;
  for (let before: number | null = null; ;) {
    const rows: Awaited<ReturnType<Store['deliveries']>> = await store.deliveries(
      { since: from, until },
      { before, limit: page },
    );
    for (const { endpointId, eventType, createdAt } of rows) {
      add(endpoints, endpointId);
      add(types, eventType);
      add(hoursOfWeek, String(blockOfWeek(createdAt)));
    }
    read += rows.length;
    onProgress(read);
    if (rows.length < page) break;
    before = rows.at(-1)!.number;
  }
  return {
    label,
    from,
    until,
    // Cancelled ones are wanted by nobody; pending ones are not decided.
    judged: accepted - pending - cancelled,
    unresolved: pending,
    silentlyDropped: unaccounted,
    acknowledgedUnprocessed: 0,
    givenUp: dead + suppressed,
    late: counts.late,
    // What no row accounts for has no amount either.
    weekly: [],
    endpoints,
    types,
    hoursOfWeek,
    firstLostAt: null,
    notes: [
      'from Posthorn’s own books, in whole hours; lost in silence is what no row accounts for',
      ...(dead + suppressed === 0
        ? []
        : [
            `${dead} dead letters and ${suppressed} suppressed deliveries (${counts.valueAtRisk.map(formatValue).join(', ') || 'no value'}) are recorded with their reasons and can be redriven`,
          ]),
    ],
  };
}
