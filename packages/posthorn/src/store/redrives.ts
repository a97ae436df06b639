import type { AuditEntry } from '../domain/audit-entry.ts';
import { ConflictError } from '../domain/errors.ts';
import type { Money } from './accounting.ts';
import { stateNumbers } from './rows.ts';
import type {
  DeliveryFilter,
  NewRedrive,
  Operations,
  RedriveCursor,
  RedriveMatch,
  RedriveRecord,
} from './store.ts';

// What every adapter does in the same way about redrives in bulk.

/** Deliveries that one step reads, whether it redrives them or not: one that matches few never holds up the store (G8). */
export const redriveReads = 1000;
const maxRunning = 100;

export const redriveColumns =
  'id, filter, rate_per_s, dry_run, state, matched, redriven, created_at, finished_at, name, skipped, summary, stepped_at';

interface Summary {
  readonly oldestAt?: number | null;
  readonly newestAt?: number | null;
  readonly value?: readonly { currency: string; amountMinor: string; events: number }[];
}

/** `redriveColumns` as a record; `parsed` are the documents among them. */
export function redriveFrom(
  row: readonly (string | number | bigint | boolean | null)[],
  parsed: { readonly filter: DeliveryFilter; readonly summary: Summary },
): RedriveRecord {
  const { oldestAt = null, newestAt = null, value = [] } = parsed.summary;
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
    oldestAt,
    newestAt,
    value: value.map((money) => ({ ...money, amountMinor: BigInt(money.amountMinor) })),
  };
}

export function summaryFrom({ oldestAt, newestAt, value }: RedriveMatch): string {
  return JSON.stringify({
    oldestAt,
    newestAt,
    value: value.map(({ currency, amountMinor, events }) => ({
      currency,
      amountMinor: amountMinor.toString(),
      events,
    })),
  });
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
      `${maxRunning} redrives are running: stop one, or wait until one is done.`,
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

/** A delivery that the walk comes by. */
export interface Dropped {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly endpointId: string;
  /** Its endpoint is deleted. */
  readonly deleted: boolean;
  readonly createdAt: number;
  readonly type: string;
  /** The filter matches it. */
  readonly hit: boolean;
  readonly amountMinor: string | null;
  readonly currency: string | null;
}

/** How many deliveries are left to read for one step or one page, and where the walk is. */
export interface Walk {
  readonly rows: readonly Dropped[];
  /** Behind all that was read; null at the end. */
  readonly next: RedriveCursor | null;
}

/** What of a walk one step takes: up to `limit` deliveries to redrive, and where the next step begins. */
export function takeFrom(
  { rows, next }: Walk,
  limit: number,
): { readonly redrive: readonly Dropped[]; readonly skipped: number; readonly next: RedriveCursor | null } {
  const redrive: Dropped[] = [];
  let skipped = 0;
  for (const row of rows) {
    if (!row.hit) continue;
    if (row.deleted) {
      skipped++;
      continue;
    }
    redrive.push(row);
    const { state, endpoint, number } = row;
    if (redrive.length === limit) return { redrive, skipped, next: { state, endpoint, number } };
  }
  return { redrive, skipped, next };
}

export function matchFrom({ rows }: Walk): RedriveMatch {
  const hits = rows.filter(({ hit }) => hit);
  const value = new Map<string, { amountMinor: bigint; events: number }>();
  let oldestAt: number | null = null;
  let newestAt: number | null = null;
  for (const { createdAt, amountMinor, currency } of hits) {
    oldestAt = Math.min(oldestAt ?? createdAt, createdAt);
    newestAt = Math.max(newestAt ?? createdAt, createdAt);
    if (currency === null) continue;
    const sum = value.get(currency) ?? { amountMinor: 0n, events: 0 };
    sum.amountMinor += BigInt(amountMinor!);
    sum.events++;
    value.set(currency, sum);
  }
  return {
    matched: hits.length,
    skipped: hits.filter(({ deleted }) => deleted).length,
    oldestAt,
    newestAt,
    value: [...value].map(([currency, sum]): Money => ({ currency, ...sum })),
  };
}

function add(a: RedriveMatch, b: RedriveMatch): RedriveMatch {
  const either = (of: (...times: number[]) => number, x: number | null, y: number | null): number | null =>
    x === null || y === null ? (x ?? y) : of(x, y);
  const value = new Map(a.value.map((money) => [money.currency, money]));
  for (const money of b.value) {
    const { amountMinor = 0n, events = 0 } = value.get(money.currency) ?? {};
    value.set(money.currency, {
      currency: money.currency,
      amountMinor: amountMinor + money.amountMinor,
      events: events + money.events,
    });
  }
  return {
    matched: a.matched + b.matched,
    skipped: a.skipped + b.skipped,
    oldestAt: either(Math.min, a.oldestAt, b.oldestAt),
    newestAt: either(Math.max, a.newestAt, b.newestAt),
    value: [...value.values()],
  };
}

/** Counts what a redrive finds, a bounded page at a time so that the store does other work in between, and records it. */
export async function beginRedrive(
  store: Pick<Operations, 'countRedrive' | 'createRedrive'>,
  redrive: Omit<NewRedrive, 'match'>,
  audit: AuditEntry | null = null,
): Promise<RedriveRecord> {
  let match: RedriveMatch = { matched: 0, skipped: 0, oldestAt: null, newestAt: null, value: [] };
  for (let from: RedriveCursor | null = null; ;) {
    const { next, ...page }: RedriveMatch & { next: RedriveCursor | null } = await store.countRedrive(
      redrive.filter,
      from,
      redriveReads,
    );
    match = add(match, page);
    if (next === null) break;
    from = next;
  }
  return await store.createRedrive({ ...redrive, match }, audit);
}
