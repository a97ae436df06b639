import { shardCount } from '../../domain/shard.ts';
import type { StoredClock } from '../clockwork.ts';
import type { Database } from './database.ts';
import { clockSetting } from '../common/clock.ts';

export async function readClock(db: Database): Promise<StoredClock> {
  const [row] = await db.query(
    'clock_read',
    `SELECT (SELECT value FROM posthorn.settings WHERE name = $1), (SELECT last_value FROM posthorn.event_numbers),
       (SELECT last_value FROM posthorn.delivery_numbers)`,
    [clockSetting],
  );
  const [text, events, deliveries] = row as [string | null, number, number];
  const bounds = { events: (events + 1) * shardCount, deliveries: (deliveries + 1) * shardCount };
  return { text, newestStamp: text === null ? await readNewestStamp(db, events) : null, bounds };
}

/** The few newest events: only numbers say which they are. */
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
