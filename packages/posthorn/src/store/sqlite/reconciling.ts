import { eventHeadingOf, sentDeliveryOf } from '../rows.ts';
import type { EventHeading, SentCursor, SentEvent, SentPage, SentWindow } from '../reconciling.ts';
import { findEventNumber } from './accept.ts';
import type { Database } from './database.ts';

export function readSentDeliveries(
  db: Database,
  endpoint: number,
  { since, until }: SentWindow,
  after: SentCursor | null,
  limit: number,
): SentPage {
  const from = after?.number ?? -1;
  // By position, so that a page costs the same however few of its rows are this endpoint's.
  const last = db.get(
    'SELECT number FROM deliveries WHERE number > ? ORDER BY number LIMIT 1 OFFSET ?',
    from,
    limit - 1,
  );
  const to = (last?.[0] as number | undefined) ?? null;
  const rows = db.all(
    `SELECT number, event_number, state, settled_at FROM deliveries NOT INDEXED
     WHERE number > ? AND number <= ? AND endpoint = ? AND created_at >= ? AND created_at < ? ORDER BY number`,
    from,
    to ?? Number.MAX_SAFE_INTEGER,
    endpoint,
    since,
    until,
  );
  return { deliveries: rows.map(sentDeliveryOf), next: to === null ? null : { shard: 0, number: to } };
}

export function readSentEvents(
  db: Database,
  endpoint: number,
  { since, until }: SentWindow,
  tenant: string,
  eventIds: readonly string[],
): (SentEvent | null)[] {
  return eventIds.map((id) => {
    const number = findEventNumber(db, tenant, id);
    if (number === undefined) return null;
    const [isInWindow = null] =
      db.get(
        'SELECT max(created_at >= ? AND created_at < ?) FROM deliveries WHERE event_number = ? AND endpoint = ?',
        since,
        until,
        number,
        endpoint,
      ) ?? [];
    return isInWindow === null ? null : { number, isInWindow: isInWindow === 1 };
  });
}

export function readEventHeadings(db: Database, numbers: readonly number[]): EventHeading[] {
  return db
    .all(
      `SELECT number, id, CAST(amount_minor AS TEXT), currency FROM events
       WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number`,
      JSON.stringify(numbers),
    )
    .map(eventHeadingOf);
}
