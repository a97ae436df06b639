import type { ClockChange, Rebase, StoredClock } from '../clockwork.ts';
import type { Database } from './database.ts';
import { moveKeyedLeases } from '../common/idempotency.ts';
import { perform } from './common.ts';
import type { Sequences } from './sequences.ts';

const setting = 'clock';

export function readClock(db: Database, sequences: Sequences): StoredClock {
  const newest = db.get('SELECT accepted_at FROM events ORDER BY number DESC LIMIT 1');
  return {
    text: (db.get('SELECT value FROM settings WHERE name = ?', setting)?.[0] as string | undefined) ?? null,
    newestStamp: (newest?.[0] as number | undefined) ?? null,
    bounds: sequences.bounds,
  };
}

export function saveClock(db: Database, { expected, text, rebase }: ClockChange): boolean {
  return db.transaction(() => {
    const stored = db.get('SELECT value FROM settings WHERE name = ?', setting)?.[0] ?? null;
    if (stored !== expected) return false;
    db.run(
      'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      setting,
      text,
    );
    if (rebase !== null) {
      moveTimes(db, rebase);
      perform(db, moveKeyedLeases(rebase));
    }
    return true;
  });
}

function moveTimes(db: Database, { now, byMs, beyondMs = 0 }: Rebase): void {
  if (byMs > 0) {
    db.run(
      'UPDATE deliveries SET due_at = due_at + ? WHERE state = 0 AND claimed_by IS NOT NULL AND due_at > ?',
      byMs,
      now - byMs,
    );
    // What a leap has not lived through is no failure.
    db.run(
      'UPDATE endpoints SET failing_since = failing_since + ?1, failing_after = failing_after + ?1 WHERE failing_since IS NOT NULL',
      byMs,
    );
    return;
  }
  db.run(
    'UPDATE deliveries SET due_at = max(?1, due_at + ?2) WHERE state = 0 AND due_at > ?3',
    now,
    byMs,
    now + beyondMs,
  );
  db.run(
    `UPDATE endpoints SET breaker_at = ?1, breaker_open_since = CASE WHEN breaker_open_since > ?1 THEN ?1 ELSE breaker_open_since END
     WHERE breaker_at > ?1`,
    now,
  );
  db.run('UPDATE endpoints SET failing_since = ?1 WHERE failing_since > ?1', now);
  db.run('UPDATE endpoints SET failing_after = ?1 WHERE failing_after > ?1', now);
  db.run('UPDATE endpoints SET throttled_until = NULL, throttled_at = ?1 WHERE throttled_at > ?1', now);
}
