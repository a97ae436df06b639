import type { Database } from './database.ts';

/** A migration: what dead letters mean to the order of keys, and the way to those of a key. */
export const blockingMigration = `
  UPDATE endpoints SET document = json_set(document, '$.onDead', 'skip');
  CREATE INDEX deliveries_dead_keys ON deliveries (endpoint, order_key, number) WHERE state = 2 AND order_key IS NOT NULL;
`;

/** A migration: which deliveries a dead letter has held, and how many of those were late at their first attempt. */
export const heldColumns = `
  ALTER TABLE deliveries ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE tallies ADD COLUMN held_late INTEGER NOT NULL DEFAULT 0;
`;

/** The first dead letter of a key; its parameters are the endpoint and the key. */
export const firstDead = `SELECT number FROM deliveries
  WHERE state = 2 AND endpoint = ? AND order_key = ? AND order_key IS NOT NULL ORDER BY number LIMIT 1`;

/** After a delivery of a key has ended, or a dead one of it counts no more, the next of the key is due at once. */
export function wakeSuccessor(db: Database, number: number, now: number): void {
  const row = db.get('SELECT endpoint, order_key FROM deliveries WHERE number = ?', number);
  if (row === undefined || row[1] === null) return;
  db.run(
    `UPDATE deliveries SET due_at = ? WHERE claimed_by IS NULL AND due_at > ? AND number =
       (SELECT number FROM deliveries WHERE state = 0 AND endpoint = ? AND order_key = ? ORDER BY number LIMIT 1)`,
    now,
    now,
    row[0]!,
    row[1]!,
  );
}
