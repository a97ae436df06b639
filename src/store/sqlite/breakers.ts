import type { BreakerChange, OpenBreaker } from '../store.ts';
import type { Database } from './database.ts';

/** A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. */
export const breakerColumns = `
  ALTER TABLE endpoints ADD COLUMN breaker_open_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN breaker_at INTEGER;
  CREATE INDEX endpoints_broken ON endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

export function saveBreakers(db: Database, changes: readonly BreakerChange[]): void {
  db.transaction(() => {
    for (const { endpointId, open, at } of changes) {
      db.run(
        'UPDATE endpoints SET breaker_open_since = ?, breaker_at = ? WHERE id = ? AND coalesce(breaker_at, ?) <= ?',
        open ? at : null,
        at,
        endpointId,
        at,
        at,
      );
    }
  });
}

export function openBreakers(db: Database): OpenBreaker[] {
  return db
    .all(
      'SELECT id, breaker_open_since FROM endpoints WHERE breaker_open_since IS NOT NULL AND deleted_at IS NULL',
    )
    .map(([id, since]) => ({ endpointId: id as string, openSince: since as number }));
}
