import {
  type DeadKeyCount,
  type BlockedKey,
  type BlockedKeyQuery,
  type FreeKeysRequest,
  maxCountedBlocked,
} from '../blocking.ts';
import { blockedKeyOf } from '../rows.ts';
import { blocksKeysSql } from './blocking-sql.ts';
import type { Connection, Database } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';

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

/** Each endpoint gives its first ones by number, in the order of its index of ended deliveries. */
const firstOfKeys = `SELECT p.id, p.tenant, k.* FROM posthorn.endpoints p CROSS JOIN LATERAL (
    SELECT d.number, d.order_key, d.settled_at, d.reason, d.error_class, e.id, e.type,
      (SELECT count(*) FROM (SELECT 1 FROM posthorn.deliveries q WHERE q.state = 0 AND q.order_key IS NOT NULL AND q.shard = d.shard
         AND q.endpoint = d.endpoint AND q.order_key = d.order_key AND q.number > d.number LIMIT ${maxCountedBlocked}) c)
    FROM posthorn.deliveries d JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
    WHERE d.state = 2 AND d.endpoint = p.num AND d.order_key IS NOT NULL AND d.number > CASE WHEN p.id = $4 THEN $5 ELSE -1 END
      AND NOT EXISTS (SELECT 1 FROM posthorn.deliveries b WHERE b.state = 2 AND b.order_key IS NOT NULL AND b.shard = d.shard
        AND b.endpoint = d.endpoint AND b.order_key = d.order_key AND b.number < d.number)
    ORDER BY d.number LIMIT $6) k
  WHERE ${blocksKeysSql} AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}
    AND ($4::text IS NULL OR p.id COLLATE "C" >= $4)
  ORDER BY p.id COLLATE "C", k.number LIMIT $6`;

export async function blockedKeys(
  db: Database,
  { endpointIds, after, limit, ...tenants }: BlockedKeyQuery,
): Promise<BlockedKey[]> {
  const rows = await db.query('blocked_keys', firstOfKeys, [
    ...tenantValues(tenants),
    endpointIds ?? null,
    after?.endpointId ?? null,
    after?.number ?? null,
    limit,
  ]);
  return rows.map(blockedKeyOf);
}

export async function deadKeyCounts(db: Database, endpointIds: readonly string[]): Promise<DeadKeyCount[]> {
  const rows = await db.query(
    'dead_key_counts',
    `SELECT p.id, k.keys FROM posthorn.endpoints p CROSS JOIN LATERAL (
       SELECT count(*) AS keys FROM (SELECT DISTINCT d.shard, d.order_key FROM posthorn.deliveries d
         WHERE d.state = 2 AND d.order_key IS NOT NULL AND d.endpoint = p.num LIMIT ${maxCountedBlocked}) d) k
     WHERE p.id = ANY ($1::text[]) AND p.deleted_at IS NULL AND k.keys > 0`,
    [endpointIds],
  );
  return rows.map(([endpointId, keys]) => ({ endpointId: endpointId as string, keys: keys as number }));
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
