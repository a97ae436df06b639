import type { EventRecord } from '../../domain/event.ts';
import { eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import { blockedBySql } from './blocking-sql.ts';
import type { Database } from './database.ts';

export async function readEvent(db: Database, tenant: string, id: string): Promise<EventRecord | null> {
  const row = await findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}

export const deliveryColumns = `d.number, e.id, e.type, e.tenant, p.id, d.state, d.attempts, d.due_at, d.created_at, d.settled_at, d.reason,
  d.error_class, d.status_code, d.message, ${blockedBySql}`;
export const deliveryTables = `posthorn.deliveries d JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
  JOIN posthorn.endpoints p ON p.num = d.endpoint`;
