import { blocksKeysSql } from './blocking-sql.ts';
import type { Connection } from './database.ts';

/** A migration: what dead letters mean to the order of keys, and the way to those of a key. */
export const blockingMigration = `
  UPDATE posthorn.endpoints SET document = document || '{"onDead": "skip"}';
  CREATE INDEX deliveries_dead_keys ON posthorn.deliveries (shard, endpoint, order_key, number)
    WHERE state = 2 AND order_key IS NOT NULL;
`;

/** A migration: the way to what is in flight of a key, past a queue of any length. */
export const inFlightIndex = `
  CREATE INDEX deliveries_in_flight ON posthorn.deliveries (shard, endpoint, order_key, number)
    WHERE state = 0 AND order_key IS NOT NULL AND claimed_by IS NOT NULL;
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
