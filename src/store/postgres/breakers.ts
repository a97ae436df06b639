import type { BreakerChange, OpenBreaker } from '../store.ts';
import type { Database } from './database.ts';

/**
 * A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. It leaves the
 * version of the configuration alone, because no fan-out depends on it.
 */
export const breakerColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN breaker_open_since bigint, ADD COLUMN breaker_at bigint;
  CREATE INDEX endpoints_broken ON posthorn.endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

export async function saveBreakers(db: Database, changes: readonly BreakerChange[]): Promise<void> {
  await db.query(
    'breakers_save',
    `WITH c AS MATERIALIZED (
       -- Locked in one order on every node, so that two writers never wait for each other in a circle.
       SELECT e.num, c.* FROM unnest($1::text[], $2::boolean[], $3::bigint[]) AS c (id, open, at)
       JOIN posthorn.endpoints e ON e.id = c.id ORDER BY e.num FOR UPDATE OF e)
     UPDATE posthorn.endpoints e SET breaker_open_since = CASE WHEN c.open THEN c.at END, breaker_at = c.at FROM c
     WHERE e.num = c.num AND coalesce(e.breaker_at, c.at) <= c.at`,
    [
      changes.map(({ endpointId }) => endpointId),
      changes.map(({ open }) => open),
      changes.map(({ at }) => at),
    ],
  );
}

export async function openBreakers(db: Database): Promise<OpenBreaker[]> {
  const rows = await db.query(
    'breakers_open',
    'SELECT id, breaker_open_since FROM posthorn.endpoints WHERE breaker_open_since IS NOT NULL AND deleted_at IS NULL',
  );
  return rows.map(([id, since]) => ({ endpointId: id as string, openSince: since as number }));
}
