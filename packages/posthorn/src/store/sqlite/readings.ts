import type { EventRecord } from '../../domain/event.ts';
import type { AttemptRecord, DeadLetterGroup, DeliveryFilter, DeliveryRecord } from '../store.ts';
import { attemptOf, deadLettersOf, deliveryOf, eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { filterSql } from './filter.ts';

export function readEvent(db: Database, tenant: string, id: string): EventRecord | null {
  const row = findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}

const deliveryColumns = `d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message`;
const deliveryTables =
  'deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint';

export function readDeliveries(
  db: Database,
  endpoints: EndpointTable,
  filter: DeliveryFilter,
  page: { before: number | null; limit: number },
): DeliveryRecord[] {
  const { eventId, ...rest } = filter;
  const parts = filterSql(rest, endpoints, db);
  const values = [...parts.values];
  let where = parts.where;
  if (eventId !== undefined) {
    // By way of the event's own index: ids are unique within a tenant, so without one all tenants are looked at.
    const tenants =
      filter.tenant !== undefined
        ? [filter.tenant]
        : db.all('SELECT DISTINCT tenant FROM event_ledger').map(([tenant]) => tenant as string);
    const numbers = tenants.flatMap((tenant) => findEvent(db, tenant, eventId)?.[11] ?? []);
    where += ` AND d.event_number IN (${numbers.map(() => '?').join(', ')})`;
    values.push(...(numbers as number[]));
  }
  return db
    .all(
      `SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE ${where} AND d.number < ? ORDER BY d.number DESC LIMIT +?`,
      ...values,
      page.before ?? Number.MAX_SAFE_INTEGER,
      page.limit,
    )
    .map(deliveryOf);
}

export function readDelivery(db: Database, number: number): DeliveryRecord | null {
  const row = db.get(`SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE d.number = ?`, number);
  return row === undefined ? null : deliveryOf(row);
}

export function readAttempts(db: Database, number: number): AttemptRecord[] {
  return db
    .all(
      `SELECT n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node
       FROM attempts WHERE delivery = ? ORDER BY n`,
      number,
    )
    .map(attemptOf);
}

export function readDeadLetters(db: Database, tenant: string | null): DeadLetterGroup[] {
  const where = tenant === null ? '' : 'AND p.tenant = ?';
  const values = tenant === null ? [] : [tenant];
  const groups = db.all(
    `SELECT p.id, json_extract(p.document, '$.owner'), d.error_class, count(*), min(d.settled_at)
     FROM deliveries d JOIN endpoints p ON p.num = d.endpoint
     WHERE d.state = 2 ${where} GROUP BY p.id, d.error_class ORDER BY 4 DESC`,
    ...values,
  );
  const money = db.all(
    `SELECT endpoint, class, currency, CAST(sum(amount_minor) AS TEXT), count(*) FROM (
       SELECT DISTINCT p.id AS endpoint, d.error_class AS class, e.currency, e.amount_minor, e.number
       FROM deliveries d JOIN endpoints p ON p.num = d.endpoint JOIN events e ON e.number = d.event_number
       WHERE d.state = 2 ${where})
     GROUP BY endpoint, class, currency`,
    ...values,
  );
  return deadLettersOf(groups, money);
}
