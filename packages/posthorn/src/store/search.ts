import type { Value } from '../domain/money.ts';
import type { DeliveryRecord } from './delivery-record.ts';
import type { DeliveryFilter, ListPage, Order } from './filters.ts';

// Searching deliveries in steps, each of which reads a bounded number of rows: a filter that matches little, or nothing, never
// holds the store's reader for longer than a step (G8).

/** What a list can ask for beyond what a redrive takes. */
export interface DeliverySearch extends DeliveryFilter {
  /** Teams that own the endpoint. */
  readonly owners?: readonly string[];
  /** Redrives and replays in bulk: what each has taken last. */
  readonly redriveIds?: readonly string[];
  readonly orderingKeys?: readonly string[];
  readonly currencies?: readonly string[];
  /** Minor units, of whatever currency. */
  readonly minValue?: bigint;
  /** Delivered after its deadline, or past it at `now` and still pending; else not so. */
  readonly late?: { readonly is: boolean; readonly now: number };
}

/** Numbers from `first` up to `last`. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

export interface SearchPage extends ListPage<number> {
  readonly order: Order;
  /** Rows that the step may read. */
  readonly maxRows: number;
  /** Outside of it nothing can match. */
  readonly within: NumberRange;
}

export interface SearchStep {
  /** Numbers of deliveries that match, in the order of the page: at most its limit. */
  readonly numbers: readonly number[];
  readonly rowsRead: number;
  /** Everything up to this number has been searched; null: nothing is left. */
  readonly next: number | null;
  /** When the last delivery that was looked at was created; null if nothing is left. */
  readonly searchedTo: number | null;
}

/** A delivery with what a page shows of its event and its endpoint. */
export interface FoundDelivery extends DeliveryRecord {
  readonly event: {
    readonly acceptedAt: number;
    readonly occurredAt: number | null;
    readonly orderingKey: string | null;
    readonly value: Value | null;
    readonly dataDeletedAt: number | null;
  };
  readonly endpoint: {
    readonly name: string | null;
    readonly url: string;
    readonly owner: string | null;
    readonly enabled: boolean;
    readonly deleted: boolean;
    readonly deliverWithinMs: number;
  };
}

/** A delivery with what tells why it waits. */
export interface DeliveryDetails extends FoundDelivery {
  /** The number of the newest claim; 0: there was none. */
  readonly claim: number;
  /** The node that has it claimed, until `dueAt`; null: none has. */
  readonly claimedBy: string | null;
  /** Attempts of the running schedule: a redrive begins a new one. */
  readonly scheduleAttempts: number;
  /** The earlier pending delivery of its ordering key that goes first; null: none does. */
  readonly behind: number | null;
}

export interface Searching {
  /** Where deliveries created in since ≤ t < until can be: numbers rise with time, but for their disorder. */
  deliveriesWithin(window: { readonly since?: number; readonly until?: number }): Promise<NumberRange>;
  searchDeliveries(search: DeliverySearch, page: SearchPage): Promise<SearchStep>;
  /** In the order asked for; those that are not there are left out. */
  foundDeliveries(numbers: readonly number[]): Promise<readonly FoundDelivery[]>;
  deliveryDetails(number: number): Promise<DeliveryDetails | null>;
}

export const allNumbers: NumberRange = { first: 0, last: Number.MAX_SAFE_INTEGER };

/**
 * A delivery may have a higher number than one that was created up to so much later: a fan-out takes its time, and clocks are
 * corrected. A fan-out that takes longer, as after a long stop, is remembered: see `disorderSetting`.
 */
const usualDisorderMs = 3_600_000;

/** The setting that holds how late deliveries were created at most, if that was later than `usualDisorderMs`. */
export const disorderSetting = 'deliveries_disorder_ms';

/** What has to be remembered of deliveries that are created so long after their event; null: nothing. */
export function disorderToKeep(lateMs: number): number | null {
  return lateMs > usualDisorderMs ? lateMs : null;
}

/** By how much a window of time is widened before it is looked for by number. */
export function disorderFrom(setting: string | number | null | undefined): number {
  const kept = Number(setting ?? 0);
  return Math.max(usualDisorderMs, Number.isFinite(kept) ? kept : 0);
}

/** More pending deliveries than this are not collected by their own index: they are found among all rows. */
export const maxPendingCollected = 50_000;

/** More pairs of a state and an endpoint than this are not walked one by one. */
export const maxArms = 64;
/** The deliveries of so many jobs are found by their own index. */
export const maxRedrives = 4;

/** The part of `within` that is still to be searched; null: nothing is left. */
export function remaining({ after, order, within }: SearchPage): NumberRange | null {
  const { first, last } = within;
  const range =
    after === null
      ? within
      : order === 'desc'
        ? { first, last: Math.min(last, after - 1) }
        : { first: Math.max(first, after + 1), last };
  return range.first > range.last ? null : range;
}

/** The part of a range that is searched before the rest. */
export function partTo(range: NumberRange, end: number, order: Order): NumberRange {
  return order === 'desc' ? { first: end, last: range.last } : { first: range.first, last: end };
}

/** The end of a range that a search comes to last. */
export function endOf({ first, last }: NumberRange, order: Order): number {
  return order === 'desc' ? first : last;
}

/** The first `max` numbers of several lists, of each of which at most `max` were read. */
export function firstNumbers(
  lists: readonly (readonly number[])[],
  order: Order,
  max: number,
): { readonly numbers: readonly number[]; readonly isCut: boolean } {
  const all = [...new Set(lists.flat())].toSorted((a, b) => (order === 'desc' ? b - a : a - b));
  return { numbers: all.slice(0, max), isCut: all.length > max || lists.some((list) => list.length >= max) };
}

/** The answer of a step that has read `rowsRead` rows up to `searchedTo`, and found these; null: it has come to the end. */
export function stepFrom(
  numbers: readonly number[],
  { limit }: SearchPage,
  rowsRead: number,
  end: number | null,
): Omit<SearchStep, 'searchedTo'> {
  // A full page ends at its last item, wherever the step has come to.
  return { numbers, rowsRead, next: numbers.length >= limit ? numbers.at(-1)! : end };
}

/** Rows of a step of a list that is read to its end. */
const stepRows = 50_000;

/** A list that is not bounded in rows: what searching does, step after step until the page is full. */
export async function readToLimit(
  store: Searching,
  filter: DeliveryFilter,
  { after, limit, order = 'desc' }: ListPage<number>,
): Promise<readonly FoundDelivery[]> {
  const within = await store.deliveriesWithin(filter);
  const numbers: number[] = [];
  for (let at = after; ;) {
    const page = { after: at, limit: limit - numbers.length, order, maxRows: stepRows, within };
    const { numbers: more, next } = await store.searchDeliveries(filter, page);
    numbers.push(...more);
    if (next === null || numbers.length >= limit) break;
    at = next;
  }
  return await store.foundDeliveries(numbers);
}
