import { type FreeKeysRequest } from '../blocking.ts';
import { blocksKeysSql } from './blocking-sql.ts';
import type { Connection, Database } from './database.ts';

/** A migration: what dead letters mean to the order of keys, and the way to those of a key. */
export const blockingMigration = `
  UPDATE posthorn.endpoints SET document = document || '{"onDead": "skip"}';
  CREATE INDEX deliveries_dead_keys ON posthorn.deliveries (shard, endpoint, order_key, number)
    WHERE state = 2 AND order_key IS NOT NULL;
`;

/** A migration: which deliveries a dead letter has held, and how many of those were late at their first attempt. */
export const heldColumns = `
  ALTER TABLE posthorn.deliveries ADD COLUMN held boolean NOT NULL DEFAULT false;
  ALTER TABLE posthorn.tallies ADD COLUMN held_late bigint NOT NULL DEFAULT 0;
`;

/** Which of these endpoints hold keys behind their dead letters, by their numbers. */
export async function blockingAmong(
  connection: Connection,
  nums: readonly number[],
): Promise<ReadonlySet<number>> {
  if (nums.length === 0) return new Set();
  const rows = await connection.query(
    'endpoints_blocking',
    `SELECT p.num FROM posthorn.endpoints p WHERE p.num = ANY ($1::int[]) AND ${blocksKeysSql}`,
    [nums],
  );
  return new Set(rows.map(([num]) => num as number));
}

/**
 * Wakes the first pending delivery of a key after one of it has ended, or a dead one counts no more. Whatever its due_at: it
 * may be deferred in this very moment, and the newest version of the row is what counts.
 */
export async function wakeSuccessor(
  connection: Connection,
  [shard, endpoint, orderKey]: readonly [number, number, string],
  now: number,
): Promise<void> {
  await connection.query(
    'wake_successor',
    `UPDATE posthorn.deliveries SET due_at = $4 WHERE shard = $1 AND claimed_by IS NULL AND state + 0 = 0 AND number =
       (SELECT number FROM posthorn.deliveries WHERE state = 0 AND shard = $1 AND endpoint = $2 AND order_key = $3 ORDER BY number LIMIT 1)`,
    [shard, endpoint, orderKey, now],
  );
}

export async function freeKeys(
  db: Database,
  { endpointId, now, after, limit }: FreeKeysRequest,
): Promise<number | null> {
  const [endpoint] = await db.query('endpoint_num', 'SELECT num FROM posthorn.endpoints WHERE id = $1', [
    endpointId,
  ]);
  if (endpoint === undefined) return null;
  const num = endpoint[0] as number;
  const rows = await db.query(
    'dead_keys',
    `SELECT number, shard, order_key FROM posthorn.deliveries
     WHERE state = 2 AND endpoint = $1 AND number > $2 AND order_key IS NOT NULL ORDER BY number LIMIT $3`,
    [num, after, limit],
  );
  // Each is a transaction of its own: one that is interrupted has freed the keys before it.
  for (const [, shard, orderKey] of rows)
    await db.transaction((connection) =>
      wakeSuccessor(connection, [shard as number, num, orderKey as string], now),
    );
  return rows.length < limit ? null : (rows.at(-1)![0] as number);
}
