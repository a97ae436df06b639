import {
  type DeadKeyCount,
  type BlockedKey,
  type BlockedKeyQuery,
  type FreeKeysRequest,
  maxCountedBlocked,
} from '../blocking.ts';
import { blockedKeyOf } from '../rows.ts';
import { blocksKeysSql } from './blocking-sql.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';

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

/** Dead letters of an endpoint behind a number that are the first of their keys. `state >= 2` is the condition of their index. */
const firstOfKeys = `SELECT d.number, d.order_key, d.settled_at, d.reason, d.error_class, e.id, e.type,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries q WHERE q.state = 0 AND q.order_key IS NOT NULL AND q.endpoint = d.endpoint
       AND q.order_key = d.order_key AND q.number > d.number LIMIT ${maxCountedBlocked}))
  FROM deliveries d JOIN events e ON e.number = d.event_number
  WHERE d.state = 2 AND d.state >= 2 AND d.endpoint = ? AND d.number > ? AND d.order_key IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.state = 2 AND b.order_key IS NOT NULL AND b.endpoint = d.endpoint
      AND b.order_key = d.order_key AND b.number < d.number)
  ORDER BY d.number LIMIT +?`;

export function blockedKeys(
  db: Database,
  { endpointIds, after, limit, ...tenants }: BlockedKeyQuery,
): BlockedKey[] {
  const found: BlockedKey[] = [];
  // From rows: a connection that only reads hears of no change of an endpoint.
  const endpoints = db.all(
    `SELECT p.num, p.id, p.tenant FROM endpoints p
     WHERE ${blocksKeysSql} AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)} AND (?4 IS NULL OR p.id >= ?4) ORDER BY p.id`,
    ...tenantValues(tenants),
    listValue(endpointIds),
    after?.endpointId ?? null,
  ) as [number, string, string][];
  for (const [num, id, tenant] of endpoints) {
    if (found.length >= limit) break;
    const behind = after?.endpointId === id ? after.number : -1;
    const rows = db.all(firstOfKeys, num, behind, limit - found.length);
    found.push(...rows.map((row) => blockedKeyOf([id, tenant, ...row])));
  }
  return found;
}

export function deadKeyCounts(db: Database, endpointIds: readonly string[]): DeadKeyCount[] {
  return db
    .all(
      `SELECT p.id, (SELECT count(*) FROM (SELECT DISTINCT d.order_key FROM deliveries d
           WHERE d.state = 2 AND d.order_key IS NOT NULL AND d.endpoint = p.num LIMIT ${maxCountedBlocked})) AS keys
       FROM endpoints p WHERE ${inList('p.id', 1)} AND p.deleted_at IS NULL AND keys > 0`,
      listValue(endpointIds),
    )
    .map(([endpointId, keys]) => ({ endpointId: endpointId as string, keys: keys as number }));
}

export function freeKeys(
  db: Database,
  endpoints: EndpointTable,
  { endpointId, now, after, limit }: FreeKeysRequest,
): number | null {
  const known = endpoints.get(endpointId);
  if (known === undefined) return null;
  return db.transaction(() => {
    const rows = db.all(
      `SELECT number FROM deliveries WHERE state = 2 AND state >= 2 AND endpoint = ? AND number > ? AND order_key IS NOT NULL
       ORDER BY number LIMIT +?`,
      known.num,
      after,
      limit,
    ) as number[][];
    for (const [number] of rows) wakeSuccessor(db, number!, now);
    return rows.length < limit ? null : rows.at(-1)![0]!;
  });
}
