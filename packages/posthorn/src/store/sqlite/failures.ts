import type { Failing } from '../../domain/failing.ts';
import { clockSlackMs } from '../rows.ts';
import type { FailingChange, FailingEndpoint } from '../failures.ts';
import type { Database } from './database.ts';

/**
 * A migration: since when an endpoint has only failed, and how often. Failures of before `failing_after` count no more: of
 * before its last success, or before it began anew.
 */
export const failingColumns = `
  UPDATE endpoints SET document = json_set(document, '$.disableAfterMs', NULL);
  ALTER TABLE endpoints ADD COLUMN failing_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN failing_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN failing_after INTEGER;
  CREATE INDEX endpoints_failing ON endpoints (id) WHERE failing_since IS NOT NULL;
`;

/** A migration: how many deliveries had succeeded when the failures began. */
export const failingDelivered = 'ALTER TABLE endpoints ADD COLUMN failing_delivered INTEGER';

const delivered =
  '(SELECT coalesce(sum(l.delivered), 0) FROM ledger l WHERE l.shard = 0 AND l.endpoint = endpoints.num)';

// A success that lies in the future is of a clock that was wrong.
const failed = `UPDATE endpoints SET failing_since = min(coalesce(failing_since, ?1), ?1), failing_count = max(failing_count, ?2),
    failing_delivered = CASE WHEN failing_since IS NULL THEN ${delivered} ELSE failing_delivered END
  WHERE id = ?3 AND json_extract(document, '$.url') = ?4 AND json_extract(document, '$.disableAfterMs') IS NOT NULL
    AND (coalesce(failing_after, ?1) <= ?1 OR failing_after > ?5 + ${clockSlackMs})`;
const succeeded = `UPDATE endpoints SET failing_count = CASE WHEN failing_since > ?1 THEN failing_count ELSE 0 END,
    failing_since = CASE WHEN failing_since > ?1 THEN failing_since END, failing_after = max(coalesce(failing_after, ?1), ?1)
  WHERE id = ?2 AND json_extract(document, '$.url') = ?3`;

function save(db: Database, { endpointId, url, failing, at }: FailingChange): void {
  if (failing === null) db.run(succeeded, at, endpointId, url);
  else db.run(failed, failing.since, failing.count, endpointId, url, at);
}

export function saveFailing(db: Database, changes: readonly FailingChange[]): void {
  db.transaction(() => {
    for (const change of changes) save(db, change);
  });
}

export function failingEndpoints(db: Database): FailingEndpoint[] {
  return db
    .all(
      'SELECT id, failing_since, failing_count FROM endpoints WHERE failing_since IS NOT NULL AND deleted_at IS NULL',
    )
    .map(([endpointId, since, count]) => ({
      endpointId: endpointId as string,
      since: since as number,
      count: count as number,
    }));
}

/**
 * Records a change in the caller's transaction, and returns what the row says then. Null if anything was delivered since, which a
 * node may not have lived to record: the counters of the ledger have it in the transaction of its outcome.
 */
export function failingWith(db: Database, change: FailingChange): Failing | null {
  save(db, change);
  const row = db.get(
    `SELECT failing_since, failing_count, ${delivered} > failing_delivered, num FROM endpoints WHERE id = ?`,
    change.endpointId,
  );
  const [since, count, hasDelivered, num] = (row ?? [null, 0, 0, 0]) as [
    number | null,
    number,
    number,
    number,
  ];
  if (since === null) return null;
  if (hasDelivered === 0) return { since, count };
  resetFailing(db, num, change.at);
  return null;
}

/** What was counted ends: the endpoint begins anew, or its failures are counted no longer. */
export function resetFailing(db: Database, num: number, now: number): void {
  db.run(
    'UPDATE endpoints SET failing_since = NULL, failing_count = 0, failing_after = ? WHERE num = ?',
    now,
    num,
  );
}
