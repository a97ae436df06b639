import type { AccountingKey } from '../domain/accounting.ts';
import type { ErrorClass, WireRecord } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import type { EventRecord } from '../domain/event.ts';
import { shardOfNumber } from '../domain/ids.ts';
import { integrityOf } from './digest.ts';
import type { StoredEvent } from './plan.ts';
import type { FoundEvent } from './event-search.ts';
import type { DeliveryDetails, FoundDelivery } from './search.ts';
import type {
  AttemptRecord,
  BlockedKey,
  DeadLetterGroup,
  DeliveryRecord,
  FanOutState,
  MissingEvent,
} from './store.ts';
import { riskSumOf, type WorthComparison } from './worth.ts';
import type { AccountingGroup, Money, Counters } from './accounting.ts';
import type { EventHeading, SentDelivery } from './reconciling.ts';

// What adapters read, as records. Each function says in which order it expects the columns.

type Row = readonly (string | number | bigint | boolean | null)[];

/** Numbers under which delivery states and triggers are stored. */
export const stateNumbers = { pending: 0, delivered: 1, dead: 2, cancelled: 3, suppressed: 4 } as const;
export const triggers = ['schedule', 'manual', 'redrive', 'manual'] as const;
/**
 * The trigger of a delivery that was redriven while an attempt of it was in flight. If that attempt fails, `settle` does what the
 * redrive would have done just after: the retry is due at once, and after the last attempt of a schedule a fresh one begins. If the
 * attempt's lease runs out instead, the next claim is what the redrive asked for: it reads the mark as `manual` and removes it.
 */
export const redriveMark = 3;

/** A time further ahead than this was written by a clock that was wrong. */
export const clockSlackMs = 3_600_000;

/** How long past its `due_at` a pending delivery counts as overdue, in milliseconds. */
export const overdueGraceMs = 60_000;

const noKeys: readonly string[] = [];
/** Routing keys as they are stored: none of them has a comma. */
const routingKeysFrom = (text: string | null): readonly string[] =>
  text === null ? noKeys : text.split(',');
export const routingKeysText = (keys: readonly string[]): string | null =>
  keys.length === 0 ? null : keys.join(',');

/** tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor (text), currency, deliveries, suppressed, number, digest, routing_keys, data_deleted_at */
export function storedOf(row: Row): StoredEvent {
  return {
    type: row[2] as string,
    data: row[3] as string,
    orderingKey: row[4] as string | null,
    occurredAt: row[5] as number | null,
    amountMinor: row[7] === null ? null : BigInt(row[7] as string),
    currency: row[8] as string | null,
    digest: row[12] as string | null,
    routingKeys: routingKeysFrom(row[13] as string | null),
    dataDeletedAt: row[14] as number | null,
    receipt: {
      id: row[1] as string,
      tenant: row[0] as string,
      type: row[2] as string,
      acceptedAt: row[6] as number,
      deliveries: row[9] as number,
      suppressed: row[10] as number,
      duplicate: true,
    },
  };
}

/** The same columns. */
export function eventOf(row: Row): EventRecord {
  const { receipt, amountMinor, currency, digest, ...event } = storedOf(row);
  const { duplicate: _, ...counts } = receipt;
  const value = amountMinor === null ? null : { amountMinor, currency: currency! };
  return {
    ...event,
    ...counts,
    value,
    integrity: integrityOf({ ...event, ...counts, value }, counts.acceptedAt, digest, event.dataDeletedAt),
    shard: shardOfNumber(row[11] as number),
  };
}

/**
 * number, event id, event type, tenant, endpoint id, state, attempts, due_at, created_at, settled_at, reason, error_class,
 * status_code, message, blocked by
 */
export function deliveryOf(row: Row): DeliveryRecord {
  return {
    number: row[0] as number,
    eventId: row[1] as string,
    eventType: row[2] as string,
    tenant: row[3] as string,
    endpointId: row[4] as string,
    state: deliveryStates[row[5] as number]!,
    attempts: row[6] as number,
    dueAt: row[7] as number | null,
    createdAt: row[8] as number,
    settledAt: row[9] as number | null,
    reason: row[10] as string | null,
    lastErrorClass: row[11] as ErrorClass | null,
    lastStatusCode: row[12] as number | null,
    lastMessage: row[13] as string | null,
    blockedBy: row[14] as number | null,
  };
}

/**
 * The columns of `deliveryOf`, then accepted_at, occurred_at, ordering_key, amount_minor (text), currency, data_deleted_at of the event, and
 * name, url, owner, enabled, deleted, deliver within ms of the endpoint.
 */
export function foundDeliveryOf(row: Row): FoundDelivery {
  const [acceptedAt, occurredAt, orderingKey, amountMinor, currency, dataDeletedAt] = row.slice(15) as [
    number,
    number | null,
    string | null,
    string | null,
    string,
    number | null,
  ];
  const [name, url, owner, enabled, deleted, deliverWithinMs] = row.slice(21) as [
    string | null,
    string,
    string | null,
    number | boolean,
    number | boolean,
    number,
  ];
  const value = amountMinor === null ? null : { amountMinor: BigInt(amountMinor), currency };
  return {
    ...deliveryOf(row),
    event: { acceptedAt, occurredAt, orderingKey, value, dataDeletedAt },
    endpoint: { name, url, owner, enabled: Boolean(enabled), deleted: Boolean(deleted), deliverWithinMs },
  };
}

/** number, tenant, id, type, accepted_at, occurred_at, ordering_key, amount_minor (text), currency, deliveries, suppressed, routing_keys, data_deleted_at */
export function foundEventOf(row: Row): FoundEvent {
  return {
    number: row[0] as number,
    tenant: row[1] as string,
    id: row[2] as string,
    type: row[3] as string,
    acceptedAt: row[4] as number,
    occurredAt: row[5] as number | null,
    orderingKey: row[6] as string | null,
    value: row[7] === null ? null : { amountMinor: BigInt(row[7] as string), currency: row[8] as string },
    deliveries: row[9] as number,
    suppressed: row[10] as number,
    routingKeys: routingKeysFrom(row[11] as string | null),
    dataDeletedAt: row[12] as number | null,
  };
}

/** The columns of `foundDeliveryOf`, then claim, claimed_by, tries, and the number of the one that goes first. */
export function deliveryDetailsOf(row: Row): DeliveryDetails {
  return {
    ...foundDeliveryOf(row),
    claim: row[27] as number,
    claimedBy: row[28] as string | null,
    scheduleAttempts: row[29] as number,
    behind: row[30] as number | null,
  };
}

/** n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node, lease_until, wire */
export function attemptOf(row: Row): AttemptRecord {
  return {
    n: row[0] as number,
    startedAt: row[1] as number,
    durationMs: row[2] as number,
    statusCode: row[3] as number | null,
    outcome: row[4] as AttemptRecord['outcome'],
    errorClass: row[5] as ErrorClass | null,
    message: row[6] as string | null,
    responseExcerpt: row[7] as string | null,
    trigger: triggers[row[8] as number]!,
    node: row[9] as string,
    leaseUntil: row[10] as number | null,
    wire: row[11] === null ? null : (JSON.parse(row[11] as string) as WireRecord),
  };
}

/** From column `from` on: currency, sum (text), events. Rows without a currency say nothing of money. */
export function moneyOf(rows: readonly Row[], from: number): Money[] {
  return rows
    .filter((row) => row[from] !== null)
    .map((row) => ({
      currency: row[from] as string,
      amountMinor: BigInt(row[from + 1] as string),
      events: row[from + 2] as number,
    }));
}

/** accepted_at, missing deliveries, amount_minor (text), currency */
export function missingEventFrom(row: Row): MissingEvent {
  return {
    acceptedAt: row[0] as number,
    missing: row[1] as number,
    value: row[2] === null ? null : { amountMinor: BigInt(row[2] as string), currency: row[3] as string },
  };
}

/** tenant, accepted_at, moved_at, remaining deliveries */
export function fanOutStateOf(row: Row): FanOutState {
  const [tenant, acceptedAt, movedAt, remaining] = row as [string, number, number, number];
  return { tenant, acceptedAt, movedAt, remaining };
}

/** endpoint id, tenant, number, key, settled_at, reason, error_class, event id, event type, waiting */
export function blockedKeyOf(row: Row): BlockedKey {
  return {
    endpointId: row[0] as string,
    tenant: row[1] as string,
    blockedBy: row[2] as number,
    orderingKey: row[3] as string,
    since: row[4] as number,
    reason: row[5] as string,
    errorClass: row[6] as ErrorClass | null,
    eventId: row[7] as string,
    eventType: row[8] as string,
    waiting: row[9] as number,
  };
}

/** Groups: endpoint id, owner, error_class, count, oldest, oldest prunable, blocked keys. Money: endpoint id, error_class, currency, sum (text), events. */
export function deadLettersOf(groups: readonly Row[], money: readonly Row[]): DeadLetterGroup[] {
  return groups.map((row) => ({
    endpointId: row[0] as string,
    owner: row[1] as string | null,
    errorClass: row[2] as ErrorClass | null,
    count: row[3] as number,
    oldestAt: row[4] as number,
    oldestPrunableAt: row[5] as number | null,
    blockedKeys: row[6] as number,
    valueAtRisk: moneyOf(
      money.filter((m) => m[0] === row[0] && m[1] === row[2]),
      2,
    ),
  }));
}

/** Endpoint id, currency, the six counters and their six counts from rows, in the order of `worthColumns`. */
export function worthComparisonOf(row: Row): WorthComparison {
  return {
    endpointId: row[0] as string,
    currency: row[1] as string,
    counters: { dead: riskSumOf(row, 2), suppressed: riskSumOf(row, 5) },
    rows: { dead: riskSumOf(row, 8), suppressed: riskSumOf(row, 11) },
  };
}

// ---------------------------------------------------------------- counters

/** What goes well is counted in these: most rows have nothing else. */
export const usualColumns = ['accepted', 'delivered', 'first_attempts', 'first_delivered'] as const;
/** Columns of the ledger and of the counters by type, in the order in which `countersFrom` takes them. */
export const counterColumns = [
  ...usualColumns,
  'dead',
  'cancelled',
  'suppressed',
  'late',
  'superseded',
] as const;
/**
 * Counted by event type and minute alone. `recovered`: on time, although the first attempt had failed. `held_late`: late at the
 * first attempt, after a dead letter had held it.
 */
export const typeCounterColumns = [...counterColumns, 'recovered', 'held_late'] as const;
/** The ledger also counts what retention has taken, by the state that it had. */
export const ledgerColumns = [
  ...counterColumns,
  'pruned_delivered',
  'pruned_dead',
  'pruned_cancelled',
  'pruned_suppressed',
] as const;

/** Sums of `counterColumns` from column `from` on; null where there was nothing to sum. */
export function countersFrom(row: Row, from: number): Counters {
  const at = (place: number): number => (row[from + place] as number | null) ?? 0;
  return {
    accepted: at(0),
    delivered: at(1),
    firstAttempts: at(2),
    firstAttemptDelivered: at(3),
    dead: at(4),
    cancelled: at(5),
    suppressed: at(6),
    late: at(7),
    superseded: at(8),
  };
}

/** class, count */
export function failureOf(row: Row): { readonly errorClass: ErrorClass; readonly count: number } {
  return { errorClass: row[0] as ErrorClass, count: row[1] as number };
}

export interface ChosenEndpoint {
  readonly num: number;
  readonly id: string;
  readonly tenant: string;
  readonly owner: string | null;
}

const spanMs = { hour: 3_600_000, day: 86_400_000 };

/** Rows: endpoint number, key within it, sums of `counterColumns`. Groups with nothing in them are left out. */
export function groupCounters(
  rows: readonly Row[],
  endpoints: readonly ChosenEndpoint[],
  by: AccountingKey,
): AccountingGroup[] {
  const known = new Map(endpoints.map((endpoint) => [endpoint.num, endpoint]));
  const groups = new Map<AccountingGroup['key'], AccountingGroup>();
  for (const row of rows) {
    const endpoint = known.get(row[0] as number)!;
    const key =
      by === 'endpoint'
        ? endpoint.id
        : by === 'tenant' || by === 'owner'
          ? endpoint[by]
          : by === 'event_type'
            ? (row[1] as string)
            : Number(row[1]) * spanMs[by];
    const counters = countersFrom(row, 2);
    const before = groups.get(key);
    groups.set(key, before === undefined ? { key, ...counters } : { key, ...addCounters(before, counters) });
  }
  return [...groups.values()].toSorted((a, b) =>
    by === 'hour' || by === 'day' ? Number(a.key) - Number(b.key) : b.accepted - a.accepted,
  );
}

function addCounters(a: Counters, b: Counters): Counters {
  return {
    accepted: a.accepted + b.accepted,
    delivered: a.delivered + b.delivered,
    dead: a.dead + b.dead,
    cancelled: a.cancelled + b.cancelled,
    suppressed: a.suppressed + b.suppressed,
    late: a.late + b.late,
    superseded: a.superseded + b.superseded,
    firstAttempts: a.firstAttempts + b.firstAttempts,
    firstAttemptDelivered: a.firstAttemptDelivered + b.firstAttemptDelivered,
  };
}

/** number, event number, state, settled_at */
export function sentDeliveryOf(row: Row): SentDelivery {
  return {
    number: row[0] as number,
    eventNumber: row[1] as number,
    state: deliveryStates[row[2] as number]!,
    settledAt: row[3] as number | null,
  };
}

/** number, id, amount_minor (text), currency */
export function eventHeadingOf(row: Row): EventHeading {
  const amount = row[2] as string | null;
  return {
    number: row[0] as number,
    id: row[1] as string,
    value: amount === null ? null : { amountMinor: BigInt(amount), currency: row[3] as string },
  };
}
