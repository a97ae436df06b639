import type { AuditActor, AuditEntry } from '../domain/audit-entry.ts';
import { ConflictError } from '../domain/errors.ts';
import type { Money } from './accounting.ts';
import { stateNumbers } from './rows.ts';
import { allNumbers, type NumberRange } from './search.ts';
import type {
  BulkKind,
  DeliveryFilter,
  EndpointMatch,
  NewRedrive,
  RedriveCursor,
  RedriveMatch,
  RedriveMatchPage,
  RedriveRecord,
  StorePart,
  StoreRead,
} from './store.ts';

// What every adapter does in the same way about jobs in bulk.

/** Rows that one step reads, whether it takes them or not: one that matches few never holds up the store (G8). */
export const redriveReads = 1000;
const maxRunning = 100;
/** Keys are kept in memory while they are counted. */
export const maxKeysCounted = 100_000;
/** The rest is only counted. */
const maxEndpointsShown = 100;

export const redriveColumns =
  'id, filter, rate_per_s, dry_run, state, matched, redriven, created_at, finished_at, name, skipped, summary, stepped_at, kind, target, actor, stop_reason, first_number, last_number';

interface MoneyText {
  readonly currency: string;
  readonly amountMinor: string;
  readonly events: number;
}
interface Summary {
  readonly oldestAt?: number | null;
  readonly newestAt?: number | null;
  readonly value?: readonly MoneyText[];
  readonly keysHeld?: number;
  readonly endpoints?: number;
  readonly byEndpoint?: readonly (Omit<EndpointMatch, 'value'> & { readonly value: readonly MoneyText[] })[];
}

/** `redriveColumns` as a record; `parsed` are the documents among them. */
export function redriveFrom(
  row: readonly (string | number | bigint | boolean | null)[],
  parsed: {
    readonly filter: DeliveryFilter;
    readonly summary: Summary;
    readonly by: AuditActor | null;
  },
): RedriveRecord {
  const { oldestAt = null, newestAt = null, value = [], keysHeld = 0, byEndpoint = [] } = parsed.summary;
  return {
    id: row[0] as string,
    filter: parsed.filter,
    ratePerS: row[2] as number | null,
    dryRun: Boolean(row[3]),
    state: row[4] as RedriveRecord['state'],
    matched: row[5] as number,
    redriven: row[6] as number,
    createdAt: row[7] as number,
    finishedAt: row[8] as number | null,
    name: row[9] as string | null,
    skipped: row[10] as number,
    steppedAt: row[12] as number | null,
    kind: row[13] as BulkKind,
    target: row[14] as string | null,
    by: parsed.by,
    stopReason: row[16] as RedriveRecord['stopReason'],
    firstNumber: row[17] as number,
    belowNumber: row[18] as number,
    oldestAt,
    newestAt,
    keysHeld,
    endpoints: parsed.summary.endpoints ?? byEndpoint.length,
    byEndpoint: byEndpoint.map((one) => ({ ...one, value: one.value.map(moneyFrom) })),
    value: value.map(moneyFrom),
  };
}

function moneyFrom(money: MoneyText): Money {
  return { ...money, amountMinor: BigInt(money.amountMinor) };
}

/** As a document: whole numbers of any size are text. */
export function summaryFrom(match: RedriveMatch): string {
  const { matched: _, skipped: __, ...summary } = match;
  return JSON.stringify(summary, (___, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** What a job is when it is recorded: one that finds nothing, or only counts, is done. */
export function firstState(
  { dryRun, match }: NewRedrive,
  running: number,
): { readonly state: 'running' | 'done'; readonly skipped: number } {
  if (dryRun || match.matched === 0) return { state: 'done', skipped: match.skipped };
  if (running >= maxRunning)
    throw new ConflictError(
      'too_many_redrives',
      `${maxRunning} redrives and replays are running: stop one, or wait until one is done.`,
    );
  // Each step counts what it skips.
  return { state: 'running', skipped: 0 };
}

/** The states that a redrive takes, in the order of the walk. */
export function redriveStates(filter: DeliveryFilter): readonly number[] {
  const dropped = [stateNumbers.dead, stateNumbers.suppressed] as const;
  const asked = filter.states?.map((state): number => stateNumbers[state]);
  return asked === undefined ? dropped : dropped.filter((state) => asked.includes(state));
}

/** A delivery that a walk comes by; in a walk over events, the delivery that would be made. */
export interface Found {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly endpointId: string;
  /** Its endpoint or the data of its event are deleted. */
  readonly deleted: boolean;
  readonly createdAt: number;
  readonly type: string;
  readonly eventNumber: number;
  /** Only where its endpoint keeps the order of keys. */
  readonly orderKey: string | null;
  /** The filter matches it. */
  readonly hit: boolean;
  readonly amountMinor: string | null;
  readonly currency: string | null;
}

/** How many rows are left to read for one step or one page, and where the walk is. */
export interface Walk {
  readonly rows: readonly Found[];
  /** Behind all that was read; null at the end. */
  readonly next: RedriveCursor | null;
}

/** What of a walk one step takes: up to `limit` of what it finds, and where the next step begins. */
export function takeFrom(
  { rows, next }: Walk,
  limit: number,
  cursorAt: (row: Found) => RedriveCursor = ({ state, endpoint, number }) => ({ state, endpoint, number }),
): { readonly redrive: readonly Found[]; readonly skipped: number; readonly next: RedriveCursor | null } {
  const redrive: Found[] = [];
  let skipped = 0;
  for (const row of rows) {
    if (!row.hit) continue;
    if (row.deleted) {
      skipped++;
      continue;
    }
    redrive.push(row);
    if (redrive.length === limit) return { redrive, skipped, next: cursorAt(row) };
  }
  return { redrive, skipped, next };
}

class Worth {
  readonly #sums = new Map<string, { amountMinor: bigint; events: number }>();

  add(currency: string, amountMinor: bigint, events = 1): void {
    const sum = this.#sums.get(currency) ?? { amountMinor: 0n, events: 0 };
    sum.amountMinor += amountMinor;
    sum.events += events;
    this.#sums.set(currency, sum);
  }

  addAll(money: readonly Money[]): void {
    for (const { currency, amountMinor, events } of money) this.add(currency, amountMinor, events);
  }

  get money(): Money[] {
    return [...this.#sums].map(([currency, sum]): Money => ({ currency, ...sum }));
  }
}

export function matchFrom({ rows, next }: Walk): RedriveMatchPage {
  const hits = rows.filter(({ hit }) => hit);
  const value = new Worth();
  const byEndpoint = new Map<string, { matched: number; value: Worth }>();
  for (const { endpointId, amountMinor, currency } of hits) {
    let one = byEndpoint.get(endpointId);
    if (one === undefined) byEndpoint.set(endpointId, (one = { matched: 0, value: new Worth() }));
    one.matched++;
    if (currency === null) continue;
    value.add(currency, BigInt(amountMinor!));
    one.value.add(currency, BigInt(amountMinor!));
  }
  const times = hits.map(({ createdAt }) => createdAt);
  return {
    matched: hits.length,
    skipped: hits.filter(({ deleted }) => deleted).length,
    oldestAt: times.length === 0 ? null : Math.min(...times),
    newestAt: times.length === 0 ? null : Math.max(...times),
    value: value.money,
    keys: [
      ...new Set(
        hits.flatMap(({ endpoint, orderKey, deleted }) =>
          orderKey === null || deleted ? [] : `${endpoint}:${orderKey}`,
        ),
      ),
    ],
    byEndpoint: [...byEndpoint].map(([endpointId, one]) => ({
      endpointId,
      matched: one.matched,
      value: one.value.money,
    })),
    next,
  };
}

/** Adds up what the pages of a walk have found. */
class Match {
  #matched = 0;
  #skipped = 0;
  #oldestAt: number | null = null;
  #newestAt: number | null = null;
  readonly #value = new Worth();
  readonly #keys = new Set<string>();
  readonly #endpoints = new Map<string, { matched: number; value: Worth }>();

  add({ matched, skipped, oldestAt, newestAt, value, keys, byEndpoint }: RedriveMatchPage): void {
    this.#matched += matched;
    this.#skipped += skipped;
    this.#oldestAt = Math.min(this.#oldestAt ?? Infinity, oldestAt ?? Infinity);
    this.#newestAt = Math.max(this.#newestAt ?? -Infinity, newestAt ?? -Infinity);
    this.#value.addAll(value);
    for (const key of keys) if (this.#keys.size < maxKeysCounted) this.#keys.add(key);
    for (const { endpointId, ...more } of byEndpoint) {
      let one = this.#endpoints.get(endpointId);
      if (one === undefined) this.#endpoints.set(endpointId, (one = { matched: 0, value: new Worth() }));
      one.matched += more.matched;
      one.value.addAll(more.value);
    }
  }

  get found(): RedriveMatch {
    const finite = (time: number | null): number | null => (Number.isFinite(time) ? time : null);
    return {
      matched: this.#matched,
      skipped: this.#skipped,
      oldestAt: finite(this.#oldestAt),
      newestAt: finite(this.#newestAt),
      value: this.#value.money,
      keysHeld: this.#keys.size,
      endpoints: this.#endpoints.size,
      byEndpoint: [...this.#endpoints]
        .toSorted(([, a], [, b]) => b.matched - a.matched)
        .slice(0, maxEndpointsShown)
        .map(([endpointId, { matched, value }]) => ({ endpointId, matched, value: value.money })),
    };
  }
}

type Windows = Pick<StoreRead, 'deliveriesWithin' | 'eventsWithin'>;

/** Where the window of a replay can be: among what was delivered no index by time leads there. */
async function numbersOf(
  store: Windows,
  { kind, filter, target }: Pick<NewRedrive, 'kind' | 'filter' | 'target'>,
): Promise<NumberRange> {
  if (kind === 'redrive' || (filter.since === undefined && filter.until === undefined)) return allNumbers;
  return target === null ? await store.deliveriesWithin(filter) : await store.eventsWithin(filter);
}

/** Counts what a job finds, a bounded page at a time so that the store does other work in between, and records it. */
export async function beginRedrive(
  store: StorePart<'createRedrive', 'countRedrive' | keyof Windows>,
  asked: Omit<NewRedrive, 'match' | 'firstNumber' | 'belowNumber'>,
  audit: AuditEntry | null = null,
): Promise<RedriveRecord> {
  const { first, last } = await numbersOf(store.read, asked);
  const redrive = { ...asked, firstNumber: first, belowNumber: last + 1 };
  const match = new Match();
  for (let from: RedriveCursor | null = null; ;) {
    const page: RedriveMatchPage = await store.read.countRedrive(redrive, from, redriveReads);
    match.add(page);
    if (page.next === null) break;
    from = page.next;
  }
  return await store.write.createRedrive({ ...redrive, match: match.found }, audit);
}
