import type { EventRecord } from '../../domain/event.ts';
import { eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import { blockedBySql } from './blocking-sql.ts';
import type { Database } from './database.ts';

export function readEvent(db: Database, tenant: string, id: string): EventRecord | null {
  const row = findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}

export const deliveryColumns = `d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message, ${blockedBySql}`;
export const deliveryTables =
  'deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint';
