import type { KeyedRequest, KeyedRequestState } from '../idempotency.ts';
import type { Database } from './database.ts';

/** A migration. `lease_until` is null from the answer on; `bytes` is the length of `answer`. */
export const idempotencyTable = `
  CREATE TABLE idempotency_keys (
    id TEXT PRIMARY KEY,
    caller TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    token TEXT NOT NULL,
    lease_until INTEGER,
    at INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    answer TEXT
  );
  CREATE INDEX idempotency_keys_at ON idempotency_keys (at);
  -- All that bounding a caller reads.
  CREATE INDEX idempotency_keys_caller ON idempotency_keys (caller, at, id, bytes);
  CREATE INDEX idempotency_keys_running ON idempotency_keys (lease_until) WHERE lease_until IS NOT NULL;
`;

export function beginKeyedRequest(
  db: Database,
  { id, caller, fingerprint, token, now, leaseUntil }: KeyedRequest,
): KeyedRequestState {
  // What the request changes is durable only together with this row, so the row need not be durable first.
  return db.transactionUnsynced(() => {
    const row = db.get('SELECT fingerprint, lease_until, answer FROM idempotency_keys WHERE id = ?', id);
    if (row === undefined) {
      db.run(
        'INSERT INTO idempotency_keys (id, caller, fingerprint, token, lease_until, at) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        caller,
        fingerprint,
        token,
        leaseUntil,
        now,
      );
      return { state: 'fresh' };
    }
    const [known, lease, answer] = row;
    if (known !== fingerprint) return { state: 'conflict' };
    if (lease === null) return { state: 'done', answer: answer as string | null };
    if ((lease as number) > now) return { state: 'running' };
    db.run(
      'UPDATE idempotency_keys SET token = ?, lease_until = ?, at = ? WHERE id = ?',
      token,
      leaseUntil,
      now,
      id,
    );
    return { state: 'fresh' };
  });
}

/** One process owns the store, so what runs when it is opened was begun by one that has ended. */
export function releaseKeyedRequests(db: Database): void {
  db.transaction(() =>
    db.run('UPDATE idempotency_keys SET lease_until = 0 WHERE lease_until IS NOT NULL AND lease_until > 0'),
  );
}
