import { shardCount } from '../../domain/shard.ts';
import type { ClockChange, Rebase, StoredClock } from '../clockwork.ts';
import type { Connection, Database } from './database.ts';
import { moveKeyedLeases } from '../common/idempotency.ts';
import { perform } from './common.ts';

const setting = 'clock';

export async function readClock(db: Database): Promise<StoredClock> {
  const [row] = await db.query(
    'clock_read',
    `SELECT (SELECT value FROM posthorn.settings WHERE name = $1), (SELECT last_value FROM posthorn.event_numbers),
       (SELECT last_value FROM posthorn.delivery_numbers)`,
    [setting],
  );
  const [text, events, deliveries] = row as [string | null, number, number];
  const bounds = { events: (events + 1) * shardCount, deliveries: (deliveries + 1) * shardCount };
  return { text, newestStamp: text === null ? await readNewestStamp(db, events) : null, bounds };
}

/** Of the few newest events: nothing but numbers says which they are. */
async function readNewestStamp(db: Database, lastSequence: number): Promise<number | null> {
  let newest: number | null = null;
  for (let shard = 0; shard < shardCount; shard++) {
    const [row] = await db.query(
      'clock_newest',
      `SELECT max(accepted_at) FROM posthorn.events WHERE shard = $1::smallint AND number >= $2`,
      [shard, Math.max(0, (lastSequence - shardCount) * shardCount)],
    );
    const stamp = row![0] as number | null;
    if (stamp !== null) newest = Math.max(newest ?? stamp, stamp);
  }
  return newest;
}

export async function saveClock(db: Database, { expected, text, rebase }: ClockChange): Promise<boolean> {
  return await db.transaction(async (connection) => {
    const rows =
      expected === null
        ? await connection.query(
            'clock_first',
            'INSERT INTO posthorn.settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name',
            [setting, text],
          )
        : await connection.query(
            'clock_save',
            'UPDATE posthorn.settings SET value = $2 WHERE name = $1 AND value = $3 RETURNING name',
            [setting, text, expected],
          );
    if (rows.length === 0) return false;
    if (rebase !== null) {
      await moveTimes(connection, rebase);
      await perform(connection, moveKeyedLeases(rebase));
    }
    return true;
  });
}

/** A statement for each shard: none takes longer than a statement may, and on distributed tables each names its shard. */
async function moveTimes(connection: Connection, { now, byMs, beyondMs = 0 }: Rebase): Promise<void> {
  for (let shard = 0; shard < shardCount; shard++) {
    if (byMs > 0)
      await connection.query(
        'clock_leases',
        `UPDATE posthorn.deliveries SET due_at = due_at + $2::bigint
         WHERE state = 0 AND shard = $3::smallint AND claimed_by IS NOT NULL AND due_at > $1`,
        [now - byMs, byMs, shard],
      );
    else
      await connection.query(
        'clock_due',
        `UPDATE posthorn.deliveries SET due_at = greatest($1::bigint, due_at + $2::bigint)
         WHERE state = 0 AND shard = $3::smallint AND due_at > $4::bigint`,
        [now, byMs, shard, now + beyondMs],
      );
  }
  // What a leap has not lived through is no failure.
  if (byMs > 0)
    await connection.query(
      'clock_failing',
      `UPDATE posthorn.endpoints SET failing_since = failing_since + $1::bigint, failing_after = failing_after + $1::bigint
       WHERE failing_since IS NOT NULL`,
      [byMs],
    );
  else
    await connection.query(
      'clock_failing_back',
      `UPDATE posthorn.endpoints SET failing_since = least(failing_since, $1::bigint), failing_after = least(failing_after, $1::bigint)
       WHERE failing_since > $1 OR failing_after > $1`,
      [now],
    );
  if (byMs < 0)
    await connection.query(
      'clock_breakers',
      `UPDATE posthorn.endpoints SET breaker_at = $1::bigint,
         breaker_open_since = CASE WHEN breaker_open_since > $1 THEN $1::bigint ELSE breaker_open_since END WHERE breaker_at > $1`,
      [now],
    );
  await connection.query(
    'clock_throttles',
    'UPDATE posthorn.endpoints SET throttled_until = NULL, throttled_at = $1 WHERE throttled_at > $1',
    [now],
  );
}
