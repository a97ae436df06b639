import type { EventRecord } from '../../domain/event.ts';
import { eventOf } from '../rows.ts';
import { findEvent } from './accept.ts';
import type { Database } from './database.ts';

export function readEvent(db: Database, tenant: string, id: string): EventRecord | null {
  const row = findEvent(db, tenant, id);
  return row === undefined ? null : eventOf(row);
}
