import type { EventRecord } from '../../domain/event.ts';
import type { AttemptRecord, DeadLetterFilter, DeadLetterGroup, DeliveryRecord } from '../store.ts';
import { attemptOf, deadLettersOf, deliveryOf, eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import { blockedBySql, blocksKeysSql } from './blocking-sql.ts';
import type { Database } from './database.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';

export function readEvent(db: Database, tenant: string, id: string): EventRecord | null {
  const row = findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}

export const deliveryColumns = `d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message, ${blockedBySql}`;
export const deliveryTables =
  'deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint';

export function readDelivery(db: Database, number: number): DeliveryRecord | null {
  const row = db.get(`SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE d.number = ?`, number);
  return row === undefined ? null : deliveryOf(row);
}

export function readAttempts(db: Database, number: number): AttemptRecord[] {
  return db
    .all(
      `SELECT n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node, lease_until, wire
       FROM attempts WHERE delivery = ? ORDER BY n`,
      number,
    )
    .map(attemptOf);
}

export function readDeadLetters(db: Database, filter: DeadLetterFilter): DeadLetterGroup[] {
  const where = `AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}`;
  const values = [...tenantValues(filter), listValue(filter.endpointIds)];
  const blocking = `(d.order_key IS NOT NULL AND ${blocksKeysSql})`;
  const groups = db.all(
    `SELECT p.id, json_extract(p.document, '$.owner'), d.error_class, count(*), min(d.settled_at),
       min(CASE WHEN NOT ${blocking} THEN d.settled_at END), count(DISTINCT CASE WHEN ${blocking} THEN d.order_key END)
     FROM deliveries d JOIN endpoints p ON p.num = d.endpoint
     WHERE d.state >= 2 AND d.state = 2 ${where} GROUP BY p.id, d.error_class ORDER BY 4 DESC`,
    ...values,
  );
  const money = db.all(
    `SELECT endpoint, class, currency, CAST(sum(amount_minor) AS TEXT), count(*) FROM (
       SELECT DISTINCT p.id AS endpoint, d.error_class AS class, e.currency, e.amount_minor, e.number
       FROM deliveries d JOIN endpoints p ON p.num = d.endpoint JOIN events e ON e.number = d.event_number
       WHERE d.state >= 2 AND d.state = 2 ${where})
     GROUP BY endpoint, class, currency`,
    ...values,
  );
  return deadLettersOf(groups, money);
}
