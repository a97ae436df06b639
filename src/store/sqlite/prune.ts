import type { PruneRequest } from '../store.ts';
import type { Database } from './database.ts';
import { type Counter, LedgerChanges } from './ledger.ts';

const prunedCounter: readonly (Counter | null)[] = [
  null,
  'pruned_delivered',
  'pruned_dead',
  'pruned_cancelled',
  'pruned_suppressed',
];

/**
 * Deletes a bounded batch of finished deliveries with their attempts, and events that have none left (G7).
 * What goes is added to the pruned counters in the same transaction, so the books stay balanced (G4, G6).
 */
export function prune(db: Database, request: PruneRequest): number {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const rows = db.all(
      `SELECT number, event_number, endpoint, state, created_at FROM deliveries
       WHERE (state IN (1, 3, 4) AND settled_at < ?) OR (state = 2 AND settled_at < ?) ORDER BY number LIMIT ?`,
      request.settledBefore,
      request.deadBefore,
      request.limit,
    );
    for (const [number, event, endpoint, state, createdAt] of rows as number[][]) {
      db.run('DELETE FROM attempts WHERE delivery = ?', number!);
      db.run('DELETE FROM deliveries WHERE number = ?', number!);
      db.run('UPDATE events SET deliveries = deliveries - 1 WHERE number = ?', event!);
      ledger.add(endpoint!, createdAt!, prunedCounter[state!]!);
    }
    const events = db.all(
      'SELECT number FROM events WHERE deliveries = 0 AND accepted_at < ? ORDER BY number LIMIT ?',
      request.settledBefore,
      request.limit,
    );
    for (const [event] of events) {
      db.run('DELETE FROM receipts WHERE event_number = ?', event as number);
      db.run('DELETE FROM events WHERE number = ?', event as number);
    }
    ledger.write(db);
    return rows.length + events.length;
  });
}
