import type { EventRecord } from '../../domain/event.ts';
import { eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import type { Database } from './database.ts';

export async function readEvent(db: Database, tenant: string, id: string): Promise<EventRecord | null> {
  const row = await findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}
