import {
  type EventHead,
  PayloadLimit,
  pickRecent,
  type RecentEvent,
  type RecentEvents,
  type RecentEventsRequest,
} from '../recent.ts';
import { type Cold, separately } from './methods.ts';
import { inList, withNumbers, limit, table } from './pieces.ts';
import { sql } from './sql.ts';
import { rows, session, type Steps } from './steps.ts';

/** Events whose data is read at a time. */
const chunk = 16;

/** The newest events of each list of numbers: the data follows these columns in its row, and is not read for them. */
function* readHeads({
  tenant,
  maxScanned,
}: RecentEventsRequest): Steps<{ heads: EventHead[]; isAll: boolean }> {
  const { lists } = yield* session();
  const max = Math.ceil(maxScanned / lists);
  const heads: EventHead[] = [];
  let isAll = true;
  for (let list = 0; list < lists; list++) {
    const found = yield* rows(
      sql`SELECT e.number, CASE WHEN e.tenant = ${tenant} THEN e.type END FROM ${table('events')} e
        WHERE ${inList('e', list)} ORDER BY e.number DESC ${limit(max)}`,
    );
    isAll &&= found.length < max;
    for (const [number, type] of found) heads.push({ number: number as number, type: type as string | null });
  }
  return { heads, isAll };
}

function* readRecent(request: RecentEventsRequest): Steps<RecentEvents> {
  const { heads, isAll } = yield* readHeads(request);
  const { numbers, more } = pickRecent(heads, request);
  const payload = new PayloadLimit(request);
  const events: RecentEvent[] = [];
  for (let at = 0; at < numbers.length && !payload.isReached; at += chunk) {
    const found = yield* rows(
      sql`SELECT e.id, e.type, e.accepted_at, e.data FROM ${table('events')} e ${withNumbers('e', 'number', numbers.slice(at, at + chunk))}
        WHERE e.data_deleted_at IS NULL ORDER BY e.number DESC`,
    );
    for (const row of found) {
      if (payload.isReached) break;
      const [id, type, acceptedAt, data] = row as [string, string, number, string];
      payload.take(data);
      events.push({ id, type, acceptedAt, data });
    }
  }
  return { events, complete: isAll && !more && !payload.isReached };
}

export const recentListings: Cold<{ recentEvents(request: RecentEventsRequest): Promise<RecentEvents> }> = {
  recentEvents: separately(readRecent),
};
