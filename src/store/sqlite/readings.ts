import type { EventRecord } from '../../domain/event.ts';
import type {
  AccountingCounts,
  AccountingQuery,
  AttemptRecord,
  DeadLetterGroup,
  DeliveryFilter,
  DeliveryRecord,
} from '../store.ts';
import { attemptOf, deadLettersOf, deliveryOf, eventOf, moneyOf, overdueGraceMs } from '../rows.ts';
import { findEvent } from './accept.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { filterSql } from './filter.ts';
import { hourOf } from './ledger.ts';

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
      `SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE ${where} AND d.number < ? ORDER BY d.number DESC LIMIT ?`,
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

export function readAccounting(db: Database, query: AccountingQuery): AccountingCounts {
  const { now } = query;
  const fromHour = query.since === null ? 0 : hourOf(query.since);
  const toHour = query.until === null ? Number.MAX_SAFE_INTEGER : hourOf(query.until - 1);
  // Counters stand by the hour, so rows are counted over the same whole hours.
  const fromMs = fromHour * 3_600_000;
  const toMs = query.until === null ? Number.MAX_SAFE_INTEGER : (toHour + 1) * 3_600_000;
  const chosen: string[] = [];
  const values: (string | number)[] = [];
  if (query.tenant !== null) {
    chosen.push('p.tenant = ?');
    values.push(query.tenant);
  }
  if (query.endpointId !== null) {
    chosen.push('p.id = ?');
    values.push(query.endpointId);
  }
  const of = chosen.length === 0 ? '1' : chosen.join(' AND ');

  return db.snapshot(() => {
    const sums = db
      .get(
        `SELECT sum(l.accepted), sum(l.delivered), sum(l.dead), sum(l.cancelled), sum(l.suppressed), sum(l.late), sum(l.superseded),
         sum(l.first_attempts), sum(l.first_delivered)
       FROM ledger l JOIN endpoints p ON p.num = l.endpoint WHERE ${of} AND l.hour BETWEEN ? AND ?`,
        ...values,
        fromHour,
        toHour,
      )!
      .map((sum) => (sum as number | null) ?? 0);
    const events = db.get(
      `SELECT sum(events), sum(unmatched) FROM event_ledger WHERE (?1 IS NULL OR tenant = ?1) AND hour BETWEEN ?2 AND ?3`,
      query.tenant,
      fromHour,
      toHour,
    )!;
    let pending = 0;
    let overdue = 0;
    let latePending = 0;
    // Tenant and endpoint choose endpoints, each of which has its own range of the pending index.
    for (const [num, document] of db.all(
      `SELECT p.num, p.document FROM endpoints p WHERE ${of}`,
      ...values,
    )) {
      const { deliverWithinMs } = JSON.parse(document as string) as { deliverWithinMs: number };
      const row = db.get(
        `SELECT count(*), sum(due_at < ?), sum(created_at < ?) FROM deliveries
         WHERE state = 0 AND endpoint = ? AND created_at >= ? AND created_at < ?`,
        now - overdueGraceMs,
        now - deliverWithinMs,
        num!,
        fromMs,
        toMs,
      )!;
      pending += row[0] as number;
      overdue += (row[1] as number | null) ?? 0;
      latePending += (row[2] as number | null) ?? 0;
    }
    const latency = db
      .all(
        `SELECT l.bucket, sum(l.count) FROM latency l JOIN endpoints p ON p.num = l.endpoint
         WHERE ${of} AND l.hour BETWEEN ? AND ? GROUP BY l.bucket`,
        ...values,
        fromHour,
        toHour,
      )
      .map(([bucket, count]) => ({ bucket: bucket as number, count: count as number }));
    // At risk: events with a delivery that is dead or suppressed, each event once.
    const money = db.all(
      `SELECT currency, CAST(sum(amount_minor) AS TEXT), count(*) FROM (
         SELECT DISTINCT e.number, e.currency, e.amount_minor FROM deliveries d
         JOIN endpoints p ON p.num = d.endpoint JOIN events e ON e.number = d.event_number
         WHERE d.state IN (2, 4) AND ${of} AND d.created_at >= ? AND d.created_at < ?)
       GROUP BY currency`,
      ...values,
      fromMs,
      toMs,
    );
    return {
      events: (events[0] as number | null) ?? 0,
      unmatched: (events[1] as number | null) ?? 0,
      accepted: sums[0]!,
      delivered: sums[1]!,
      pending,
      dead: sums[2]!,
      cancelled: sums[3]!,
      suppressed: sums[4]!,
      overdue,
      late: sums[5]! + latePending,
      supersededAttempts: sums[6]!,
      firstAttempts: sums[7]!,
      firstAttemptDelivered: sums[8]!,
      latency,
      valueAtRisk: moneyOf(money, 0),
    };
  });
}
