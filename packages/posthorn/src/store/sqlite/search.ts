import { disorderFrom, disorderSetting, disorderToKeep } from '../search.ts';
import type { Database } from './database.ts';

/** A migration: the way to what ended undelivered, whatever endpoint it was for. What is pending or delivered is not in it. */
export const searchMigration =
  'CREATE INDEX deliveries_ended_listed ON deliveries (state, number) WHERE state >= 2;';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex =
  'CREATE INDEX deliveries_retried ON deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;';

/**
 * A migration: what is counted of dead letters and suppressed deliveries is read from their index alone. One of a thousand deliveries
 * ends so, each in a page of its own: to read the rows themselves took ten times as long.
 */
export const endedIndex = `
  DROP INDEX deliveries_ended;
  CREATE INDEX deliveries_ended ON deliveries
    (state, endpoint, number, event_number, created_at, settled_at, error_class, status_code, order_key) WHERE state >= 2;`;

const disorderSql = 'SELECT value FROM settings WHERE name = ?';

/** Remembers, within the transaction that creates them, deliveries whose event was accepted long before. */
export function noteDisorder(db: Database, lateMs: number): void {
  const kept = disorderToKeep(lateMs);
  if (kept === null || kept <= disorderFrom(db.get(disorderSql, disorderSetting)?.[0] as string | undefined))
    return;
  db.run(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    disorderSetting,
    String(kept),
  );
}
