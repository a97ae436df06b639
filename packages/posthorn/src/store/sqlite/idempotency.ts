import type { Ages } from '../../domain/clock-record.ts';
import type { Rebase } from '../clockwork.ts';
import {
  expiredStamps,
  type KeyedRequest,
  type KeyedRequestBounds,
  type KeyedRequestState,
  type KeyedRun,
} from '../idempotency.ts';
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

export function extendKeyedRequest(db: Database, { id, token }: KeyedRun, leaseUntil: number): boolean {
  return db.transaction(
    () =>
      db.run(
        'UPDATE idempotency_keys SET lease_until = ? WHERE id = ? AND token = ? AND lease_until IS NOT NULL',
        leaseUntil,
        id,
        token,
      ) > 0,
  );
}

export function finishKeyedRequest(db: Database, { id, token }: KeyedRun, answer: string | null): boolean {
  return db.transaction(
    () =>
      db.run(
        `UPDATE idempotency_keys SET lease_until = NULL, answer = ?, bytes = ?
         WHERE id = ? AND token = ? AND lease_until IS NOT NULL`,
        answer,
        answer?.length ?? 0,
        id,
        token,
      ) > 0,
  );
}

export function abandonKeyedRequest(db: Database, { id, token }: KeyedRun): void {
  db.transaction(() =>
    db.run('DELETE FROM idempotency_keys WHERE id = ? AND token = ? AND lease_until IS NOT NULL', id, token),
  );
}

/** One process owns the store, so what runs when it is opened was begun by one that has ended. */
export function releaseKeyedRequests(db: Database): void {
  db.transaction(() =>
    db.run('UPDATE idempotency_keys SET lease_until = 0 WHERE lease_until IS NOT NULL AND lease_until > 0'),
  );
}

export function pruneKeyedRequests(db: Database, ages: Ages, limit: number): number {
  const { from, before } = expiredStamps(ages);
  const old = db.all(
    `SELECT rowid FROM idempotency_keys WHERE at >= ? AND at < ? AND (lease_until IS NULL OR lease_until <= ?)
     ORDER BY at LIMIT +?`,
    from,
    before,
    ages.now,
    limit,
  );
  const isAhead = db.get('SELECT 1 FROM idempotency_keys WHERE at > ? LIMIT 1', ages.now) !== undefined;
  if (old.length === 0 && !isAhead) return 0;
  return db.transaction(() => {
    // Of a clock that was ahead: kept for as long as a new one.
    if (isAhead) db.run('UPDATE idempotency_keys SET at = ?1 WHERE at > ?1', ages.now);
    for (const [rowid] of old) db.run('DELETE FROM idempotency_keys WHERE rowid = ?', rowid!);
    return old.length;
  });
}

export function boundKeyedRequests(
  db: Database,
  caller: string,
  { maxRows, maxBytes }: KeyedRequestBounds,
  limit: number,
): number {
  const [rows, bytes] = db.get(
    'SELECT count(*), coalesce(sum(bytes), 0) FROM idempotency_keys WHERE caller = ?',
    caller,
  ) as [number, number];
  let excessRows = rows - maxRows;
  let excessBytes = bytes - maxBytes;
  if (excessRows <= 0 && excessBytes <= 0) return 0;
  const excess = db.allWhile(
    'SELECT rowid, bytes FROM idempotency_keys WHERE caller = ? AND lease_until IS NULL ORDER BY at, id LIMIT +?',
    ([, size]) => {
      const isExcess = excessRows > 0 || excessBytes > 0;
      excessRows--;
      excessBytes -= size as number;
      return isExcess;
    },
    caller,
    limit,
  );
  return db.transaction(() => {
    for (const [rowid] of excess) db.run('DELETE FROM idempotency_keys WHERE rowid = ?', rowid!);
    return excess.length;
  });
}

/** Leases keep the time that they have left when the clock jumps. The caller holds the transaction. */
export function moveKeyedLeases(db: Database, { now, byMs, beyondMs = 0 }: Rebase): void {
  if (byMs > 0)
    db.run(
      'UPDATE idempotency_keys SET lease_until = lease_until + ? WHERE lease_until IS NOT NULL AND lease_until > ?',
      byMs,
      now - byMs,
    );
  else
    db.run(
      'UPDATE idempotency_keys SET lease_until = max(?1, lease_until + ?2) WHERE lease_until IS NOT NULL AND lease_until > ?3',
      now,
      byMs,
      now + beyondMs,
    );
}
