import type { ErrorClass } from '../domain/attempt.ts';
import { deliveryStates } from '../domain/delivery.ts';
import type { EventRecord } from '../domain/event.ts';
import { shardOfNumber } from '../domain/ids.ts';
import type { StoredEvent } from './plan.ts';
import type { AttemptRecord, DeadLetterGroup, DeliveryRecord, Money } from './store.ts';

// What adapters read, as records. Each function says in which order it expects the columns.

type Row = readonly (string | number | bigint | boolean | null)[];

/** Numbers under which delivery states and triggers are stored. */
export const stateNumbers = { pending: 0, delivered: 1, dead: 2, cancelled: 3, suppressed: 4 } as const;
export const triggers = ['schedule', 'manual', 'redrive'] as const;

/** How long past its `due_at` a pending delivery counts as overdue, in milliseconds. */
export const overdueGraceMs = 60_000;

/** tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor (text), currency, deliveries, suppressed, number */
export function storedOf(row: Row): StoredEvent {
  return {
    type: row[2] as string,
    data: row[3] as string,
    orderingKey: row[4] as string | null,
    occurredAt: row[5] as number | null,
    amountMinor: row[7] === null ? null : BigInt(row[7] as string),
    currency: row[8] as string | null,
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
  const { receipt, amountMinor, currency, ...event } = storedOf(row);
  const { duplicate: _, ...counts } = receipt;
  return {
    ...event,
    ...counts,
    value: amountMinor === null ? null : { amountMinor, currency: currency! },
    shard: shardOfNumber(row[11] as number),
  };
}

/**
 * number, event id, event type, tenant, endpoint id, state, attempts, due_at, created_at, settled_at, reason, error_class,
 * status_code, message
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
  };
}

/** n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node */
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

/** Groups: endpoint id, owner, error_class, count, oldest. Money: endpoint id, error_class, currency, sum (text), events. */
export function deadLettersOf(groups: readonly Row[], money: readonly Row[]): DeadLetterGroup[] {
  return groups.map((row) => ({
    endpointId: row[0] as string,
    owner: row[1] as string | null,
    errorClass: row[2] as ErrorClass | null,
    count: row[3] as number,
    oldestAt: row[4] as number,
    valueAtRisk: moneyOf(
      money.filter((m) => m[0] === row[0] && m[1] === row[2]),
      2,
    ),
  }));
}
