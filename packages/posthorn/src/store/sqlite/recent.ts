import {
  type EventHead,
  PayloadLimit,
  pickRecent,
  type RecentEvent,
  type RecentEvents,
  type RecentEventsRequest,
} from '../recent.ts';
import type { Database } from './database.ts';

export function readRecentEvents(db: Database, request: RecentEventsRequest): RecentEvents {
  // The data follows these columns in its row, and is not read for them.
  const heads = db
    .all(
      'SELECT number, CASE WHEN tenant = ? THEN type END FROM events ORDER BY number DESC LIMIT ?',
      request.tenant,
      request.maxScanned,
    )
    .map(([number, type]): EventHead => ({ number: number as number, type: type as string | null }));
  const { numbers, more } = pickRecent(heads, request);
  const payload = new PayloadLimit(request);
  const events: RecentEvent[] = [];
  for (const number of numbers) {
    if (payload.isReached) break;
    const row = db.get('SELECT id, type, accepted_at, data FROM events WHERE number = ?', number);
    if (row === undefined) continue;
    const [id, type, acceptedAt, data] = row as [string, string, number, string];
    payload.take(data);
    events.push({ id, type, acceptedAt, data });
  }
  return { events, complete: !more && heads.length < request.maxScanned && !payload.isReached };
}
