import { clockSetting } from '../common/clock.ts';
import type { StoredClock } from '../clockwork.ts';
import type { Database } from './database.ts';
import type { Sequences } from './sequences.ts';

export function readClock(db: Database, sequences: Sequences): StoredClock {
  const newest = db.get('SELECT accepted_at FROM events ORDER BY number DESC LIMIT 1');
  const record = db.get('SELECT value FROM settings WHERE name = ?', clockSetting);
  return {
    text: (record?.[0] as string | undefined) ?? null,
    newestStamp: (newest?.[0] as number | undefined) ?? null,
    bounds: sequences.bounds,
  };
}
