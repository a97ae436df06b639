import type { Ages } from '../../domain/clock-record.ts';
import type { Rebase } from '../clockwork.ts';
import {
  expiredStamps,
  type KeyedRequest,
  type KeyedRequestBounds,
  type KeyedRequestState,
  type KeyedRun,
} from '../idempotency.ts';
import type { Connection, Database } from './database.ts';
import { databaseNow, refuseFormerTime } from './time.ts';

/** A migration. `lease_until` is null from the answer on; `bytes` is the length of `answer`. */
export const idempotencyTable = `
  CREATE TABLE posthorn.idempotency_keys (
    id text PRIMARY KEY,
    caller text NOT NULL,
    fingerprint text NOT NULL,
    token text NOT NULL,
    lease_until bigint,
    at bigint NOT NULL,
    bytes int NOT NULL DEFAULT 0,
    answer text
  );
  CREATE INDEX idempotency_keys_at ON posthorn.idempotency_keys (at);
  -- All that bounding a caller reads.
  CREATE INDEX idempotency_keys_caller ON posthorn.idempotency_keys (caller, at, id, bytes);
  CREATE INDEX idempotency_keys_running ON posthorn.idempotency_keys (lease_until) WHERE lease_until IS NOT NULL;
`;

/**
 * One statement claims a key that is new. A lease that is to be taken over has run out by this node's clock and by the
 * database's: one of them alone may not know of a step back that the other has seen. (The database's is read by itself,
 * because a statement that changes a distributed table takes no function that is not immutable.)
 */
export async function beginKeyedRequest(db: Database, request: KeyedRequest): Promise<KeyedRequestState> {
  const { id, caller, fingerprint, token, now, leaseUntil } = request;
  const claimed = await db.query(
    'idempotency_begin',
    `INSERT INTO posthorn.idempotency_keys (id, caller, fingerprint, token, lease_until, at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO NOTHING RETURNING id`,
    [id, caller, fingerprint, token, leaseUntil, now],
  );
  if (claimed.length > 0) return { state: 'fresh' };
  const [row] = await db.query(
    'idempotency_read',
    `SELECT fingerprint, lease_until, answer, token, ${databaseNow} FROM posthorn.idempotency_keys WHERE id = $1`,
    [id],
  );
  // Abandoned in between: the caller asks again, as for one that runs.
  if (row === undefined) return { state: 'running' };
  const [known, lease, answer, former, clock] = row as [string, number | null, string | null, string, number];
  if (known !== fingerprint) return { state: 'conflict' };
  if (lease === null) return { state: 'done', answer };
  if (lease > Math.min(now, clock)) return { state: 'running' };
  const taken = await db.query(
    'idempotency_take_over',
    `UPDATE posthorn.idempotency_keys SET token = $3, lease_until = $4, at = $5
     WHERE id = $1 AND token = $2 AND lease_until = $6 RETURNING id`,
    [id, former, token, leaseUntil, now, lease],
  );
  return { state: taken.length > 0 ? 'fresh' : 'running' };
}

export async function extendKeyedRequest(
  db: Database,
  { id, token }: KeyedRun,
  leaseUntil: number,
): Promise<boolean> {
  const rows = await db.query(
    'idempotency_extend',
    `UPDATE posthorn.idempotency_keys SET lease_until = $3
     WHERE id = $1 AND token = $2 AND lease_until IS NOT NULL RETURNING id`,
    [id, token, leaseUntil],
  );
  return rows.length > 0;
}

export async function finishKeyedRequest(
  db: Database,
  { id, token }: KeyedRun,
  answer: string | null,
): Promise<boolean> {
  const rows = await db.query(
    'idempotency_finish',
    `UPDATE posthorn.idempotency_keys SET lease_until = NULL, answer = $3, bytes = $4
     WHERE id = $1 AND token = $2 AND lease_until IS NOT NULL RETURNING id`,
    [id, token, answer, answer?.length ?? 0],
  );
  return rows.length > 0;
}

export async function abandonKeyedRequest(db: Database, { id, token }: KeyedRun): Promise<void> {
  await db.query(
    'idempotency_abandon',
    'DELETE FROM posthorn.idempotency_keys WHERE id = $1 AND token = $2 AND lease_until IS NOT NULL',
    [id, token],
  );
}

export async function pruneKeyedRequests(db: Database, ages: Ages, limit: number): Promise<number> {
  const { from, before } = expiredStamps(ages);
  return await db.transaction(async (connection) => {
    // Of a clock that was ahead: kept for as long as a new one.
    await connection.query(
      'idempotency_not_ahead',
      'UPDATE posthorn.idempotency_keys SET at = $1 WHERE at > $1',
      [ages.now],
    );
    const deleted = await connection.query(
      'idempotency_prune',
      // Asked again of each row, because one may have been begun anew since it was found.
      `DELETE FROM posthorn.idempotency_keys WHERE at >= $1 AND at < $2 AND (lease_until IS NULL OR lease_until <= $3)
         AND id IN (
           SELECT id FROM posthorn.idempotency_keys WHERE at >= $1 AND at < $2 AND (lease_until IS NULL OR lease_until <= $3)
           ORDER BY at LIMIT $4)
       RETURNING id`,
      [from, before, ages.now, limit],
    );
    await refuseFormerTime(connection, ages);
    return deleted.length;
  });
}

export async function boundKeyedRequests(
  db: Database,
  caller: string,
  { maxRows, maxBytes }: KeyedRequestBounds,
  limit: number,
): Promise<number> {
  const [row] = await db.query(
    'idempotency_size',
    'SELECT count(*), coalesce(sum(bytes), 0) FROM posthorn.idempotency_keys WHERE caller = $1',
    [caller],
  );
  const [rows, bytes] = row as [number, number];
  if (rows <= maxRows && bytes <= maxBytes) return 0;
  const deleted = await db.query(
    'idempotency_bound',
    `DELETE FROM posthorn.idempotency_keys WHERE lease_until IS NULL AND id IN (
       SELECT id FROM (
         SELECT id, row_number() OVER oldest AS place, sum(bytes) OVER oldest - bytes AS bytes_before FROM (
           SELECT id, at, bytes FROM posthorn.idempotency_keys WHERE caller = $1 AND lease_until IS NULL
           ORDER BY at, id LIMIT $4) AS first
         WINDOW oldest AS (ORDER BY at, id ROWS UNBOUNDED PRECEDING)
       ) AS placed WHERE place <= $2 OR bytes_before < $3)
     RETURNING id`,
    [caller, rows - maxRows, bytes - maxBytes, limit],
  );
  return deleted.length;
}

/** Leases keep the time that they have left when the clock jumps. The caller holds the transaction. */
export async function moveKeyedLeases(
  connection: Connection,
  { now, byMs, beyondMs = 0 }: Rebase,
): Promise<void> {
  if (byMs > 0)
    await connection.query(
      'clock_keyed_leases_on',
      'UPDATE posthorn.idempotency_keys SET lease_until = lease_until + $2::bigint WHERE lease_until > $1',
      [now - byMs, byMs],
    );
  else
    await connection.query(
      'clock_keyed_leases_back',
      `UPDATE posthorn.idempotency_keys SET lease_until = greatest($1::bigint, lease_until + $2::bigint)
       WHERE lease_until > $3`,
      [now, byMs, now + beyondMs],
    );
}
