import type { EventRecord } from '../../domain/event.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import type { AttemptRecord, DeadLetterFilter, DeadLetterGroup, DeliveryRecord } from '../store.ts';
import { attemptOf, deadLettersOf, deliveryOf, eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import { blockedBySql, blocksKeysSql } from './blocking-sql.ts';
import type { Connection, Database } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';

export async function readEvent(db: Database, tenant: string, id: string): Promise<EventRecord | null> {
  const row = await findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}

export const deliveryColumns = `d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message, ${blockedBySql}`;
export const deliveryTables = `posthorn.deliveries d JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
  JOIN posthorn.endpoints p ON p.num = d.endpoint`;

export async function readDelivery(db: Connection, number: number): Promise<DeliveryRecord | null> {
  const [row] = await db.query(
    'delivery',
    `SELECT ${deliveryColumns} FROM ${deliveryTables} WHERE d.shard = $1 AND d.number = $2`,
    [shardOfNumber(number), number],
  );
  return row === undefined ? null : deliveryOf(row);
}

export async function readAttempts(db: Database, number: number): Promise<AttemptRecord[]> {
  const rows = await db.query(
    'attempts',
    `SELECT n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt, trigger, node, lease_until, wire
     FROM posthorn.attempts WHERE shard = $1 AND delivery = $2 ORDER BY n`,
    [shardOfNumber(number), number],
  );
  return rows.map(attemptOf);
}

export async function readDeadLetters(db: Database, filter: DeadLetterFilter): Promise<DeadLetterGroup[]> {
  const of = `d.state = 2 AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}`;
  const values = [...tenantValues(filter), filter.endpointIds ?? null];
  const blocking = `(d.order_key IS NOT NULL AND ${blocksKeysSql})`;
  const [groups, money] = await Promise.all([
    db.query(
      'dead_letters',
      `SELECT p.id, p.document ->> 'owner', d.error_class, count(*), min(d.settled_at),
         min(d.settled_at) FILTER (WHERE NOT ${blocking}), count(DISTINCT d.order_key) FILTER (WHERE ${blocking})
       FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
       WHERE ${of} GROUP BY p.id, p.document ->> 'owner', d.error_class ORDER BY 4 DESC`,
      values,
    ),
    db.query(
      'dead_letters_money',
      `SELECT endpoint, class, currency, sum(amount_minor)::text, count(*) FROM (
         SELECT DISTINCT p.id AS endpoint, d.error_class AS class, e.currency, e.amount_minor, e.number FROM ${deliveryTables} WHERE ${of}) m
       GROUP BY endpoint, class, currency`,
      values,
    ),
  ]);
  return deadLettersOf(groups, money);
}
