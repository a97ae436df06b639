import { shardOfNumber } from '../../domain/ids.ts';
import { shardCount } from '../../domain/shard.ts';
import {
  type EventHead,
  PayloadLimit,
  pickRecent,
  type RecentEvent,
  type RecentEvents,
  type RecentEventsRequest,
} from '../recent.ts';
import type { Database } from './database.ts';

/** Events whose data is read at a time. */
const chunk = 16;

export async function readRecentEvents(db: Database, request: RecentEventsRequest): Promise<RecentEvents> {
  const perShard = Math.ceil(request.maxScanned / shardCount);
  const heads: EventHead[] = [];
  let complete = true;
  // One shard after the other, each by its own index: this is not a hot path.
  for (let shard = 0; shard < shardCount; shard++) {
    const rows = await db.query(
      'recent_heads',
      `SELECT number, CASE WHEN tenant = $2 THEN type END FROM posthorn.events WHERE shard = $1 ORDER BY number DESC LIMIT $3`,
      [shard, request.tenant, perShard],
    );
    complete &&= rows.length < perShard;
    for (const [number, type] of rows) heads.push({ number: number as number, type: type as string | null });
  }
  const { numbers, more } = pickRecent(heads, request);
  const payload = new PayloadLimit(request);
  const events: RecentEvent[] = [];
  for (let at = 0; at < numbers.length && !payload.isReached; at += chunk) {
    const asked = numbers.slice(at, at + chunk);
    const rows = await db.query(
      'recent_events',
      `SELECT id, type, accepted_at, data FROM posthorn.events
       WHERE shard = ANY ($1::smallint[]) AND number = ANY ($2::bigint[]) ORDER BY number DESC`,
      [asked.map(shardOfNumber), asked],
    );
    for (const row of rows) {
      if (payload.isReached) break;
      const [id, type, acceptedAt, data] = row as [string, string, number, string];
      payload.take(data);
      events.push({ id, type, acceptedAt, data });
    }
  }
  return { events, complete: complete && !more && !payload.isReached };
}
