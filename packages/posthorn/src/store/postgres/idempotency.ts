import type { KeyedRequest, KeyedRequestState } from '../idempotency.ts';
import type { Database } from './database.ts';
import { postgresNow } from '../common/time.ts';

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
    `SELECT fingerprint, lease_until, answer, token, ${postgresNow} FROM posthorn.idempotency_keys WHERE id = $1`,
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
