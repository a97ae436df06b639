import type { Failing } from '../../domain/failing.ts';
import { clockSlackMs } from '../rows.ts';
import type { FailingChange, FailingEndpoint } from '../failures.ts';
import type { Connection, Database } from './database.ts';

/**
 * A migration: since when an endpoint has only failed, and how often. Failures of before `failing_after` count no more: of
 * before its last success, or before it began anew.
 */
export const failingColumns = `
  UPDATE posthorn.endpoints SET document = document || '{"disableAfterMs": null}';
  ALTER TABLE posthorn.endpoints ADD COLUMN failing_since bigint, ADD COLUMN failing_count int NOT NULL DEFAULT 0,
    ADD COLUMN failing_after bigint;
  CREATE INDEX endpoints_failing ON posthorn.endpoints (id) WHERE failing_since IS NOT NULL;
`;

/** A migration: how many deliveries had succeeded when the failures began. */
export const failingDelivered = 'ALTER TABLE posthorn.endpoints ADD COLUMN failing_delivered bigint';

const delivered = `(SELECT coalesce(sum(l.delivered), 0)::bigint FROM posthorn.ledger l
    WHERE l.shard = ANY (ARRAY(SELECT s::smallint FROM generate_series(0, 63) s)) AND l.endpoint = e.num)`;

/**
 * Rows are locked in one order on every node, so that two writers never wait for each other in a circle. A success that lies
 * in the future is of a clock that was wrong.
 */
const saveSql = `WITH c AS MATERIALIZED (
    SELECT e.num, c.* FROM unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[]) AS c (id, url, since, count, at)
    JOIN posthorn.endpoints e ON e.id = c.id
    WHERE e.document ->> 'url' = c.url AND (c.since IS NULL OR (e.document ->> 'disableAfterMs' IS NOT NULL
      AND (coalesce(e.failing_after, c.since) <= c.since OR e.failing_after > c.at + ${clockSlackMs})))
    ORDER BY e.num FOR UPDATE OF e)
  UPDATE posthorn.endpoints e SET
    failing_since = CASE WHEN c.since IS NOT NULL THEN least(e.failing_since, c.since)
      WHEN e.failing_since > c.at THEN e.failing_since END,
    failing_count = CASE WHEN c.since IS NOT NULL THEN greatest(e.failing_count, c.count)
      WHEN e.failing_since > c.at THEN e.failing_count ELSE 0 END,
    failing_delivered = CASE WHEN e.failing_since IS NULL THEN ${delivered} ELSE e.failing_delivered END,
    failing_after = CASE WHEN c.since IS NULL THEN greatest(e.failing_after, c.at) ELSE e.failing_after END
  FROM c WHERE e.num = c.num`;

async function save(connection: Connection, changes: readonly FailingChange[]): Promise<void> {
  await connection.query('failing_save', saveSql, [
    changes.map(({ endpointId }) => endpointId),
    changes.map(({ url }) => url),
    changes.map(({ failing }) => failing?.since ?? null),
    changes.map(({ failing }) => failing?.count ?? null),
    changes.map(({ at }) => at),
  ]);
}

export async function saveFailing(db: Database, changes: readonly FailingChange[]): Promise<void> {
  await save(db, changes);
}

export async function failingEndpoints(db: Database): Promise<FailingEndpoint[]> {
  const rows = await db.query(
    'failing',
    'SELECT id, failing_since, failing_count FROM posthorn.endpoints WHERE failing_since IS NOT NULL AND deleted_at IS NULL',
  );
  return rows.map(([endpointId, since, count]) => ({
    endpointId: endpointId as string,
    since: since as number,
    count: count as number,
  }));
}

/**
 * Records a change in the caller's transaction, and returns what the row says then. Null if anything was delivered since, which a
 * node may not have lived to record: the counters of the ledger have it in the transaction of its outcome.
 */
export async function failingWith(connection: Connection, change: FailingChange): Promise<Failing | null> {
  await save(connection, [change]);
  const [row] = await connection.query(
    'failing_one',
    `SELECT e.failing_since, e.failing_count, ${delivered} > e.failing_delivered FROM posthorn.endpoints e WHERE e.id = $1`,
    [change.endpointId],
  );
  const [since, count, hasDelivered] = (row ?? [null, 0, false]) as [number | null, number, boolean];
  if (since === null) return null;
  if (!hasDelivered) return { since, count };
  await resetFailing(connection, change.endpointId, change.at);
  return null;
}

/** What was counted ends: the endpoint begins anew, or its failures are counted no longer. */
export async function resetFailing(connection: Connection, id: string, now: number): Promise<void> {
  await connection.query(
    'failing_reset',
    'UPDATE posthorn.endpoints SET failing_since = NULL, failing_count = 0, failing_after = $2 WHERE id = $1',
    [id, now],
  );
}
