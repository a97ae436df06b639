import { eventShard, shardOfNumber } from '../../domain/ids.ts';
import { shardCount } from '../../domain/shard.ts';
import { eventHeadingOf, sentDeliveryOf } from '../rows.ts';
import type { EventHeading, SentCursor, SentEvent, SentPage, SentWindow } from '../reconciling.ts';
import type { Database } from './database.ts';

const endpointIs = (parameter: string): string =>
  `(SELECT num FROM posthorn.endpoints WHERE id = ${parameter})`;

/** One shard after the other, each by its own key. */
export async function readSentDeliveries(
  db: Database,
  { endpointId, since, until }: SentWindow,
  after: SentCursor | null,
  limit: number,
): Promise<SentPage> {
  const { shard, number: from } = after ?? { shard: 0, number: -1 };
  const [last] = await db.query(
    'sent_page',
    'SELECT number FROM posthorn.deliveries WHERE shard = $1::smallint AND number > $2 ORDER BY number LIMIT 1 OFFSET $3',
    [shard, from, limit - 1],
  );
  const to = (last?.[0] as number | undefined) ?? null;
  const rows = await db.query(
    'sent_deliveries',
    `SELECT number, event_number, state, settled_at FROM posthorn.deliveries
     WHERE shard = $1::smallint AND number > $2 AND number <= $3 AND endpoint = ${endpointIs('$4')}
       AND created_at >= $5 AND created_at < $6 ORDER BY number`,
    [shard, from, to ?? Number.MAX_SAFE_INTEGER, endpointId, since, until],
  );
  const next = to === null ? { shard: shard + 1, number: -1 } : { shard, number: to };
  return { deliveries: rows.map(sentDeliveryOf), next: next.shard === shardCount ? null : next };
}

/** The receipts in the shards of their ids, then the deliveries where those say. */
export async function readSentEvents(
  db: Database,
  { endpointId, since, until }: SentWindow,
  tenant: string,
  eventIds: readonly string[],
): Promise<(SentEvent | null)[]> {
  const receipts = await db.query(
    'sent_receipts',
    `SELECT a.place, r.event_number FROM unnest($1::smallint[], $2::text[]) WITH ORDINALITY AS a (shard, id, place)
     JOIN posthorn.receipts r ON r.shard = a.shard AND r.tenant = $3 AND r.id = a.id`,
    [eventIds.map((id) => eventShard(tenant, id)), eventIds, tenant],
  );
  const numbers = receipts.map(([, number]) => number as number);
  const sent = await db.query(
    'sent_events',
    `SELECT d.event_number, bool_or(d.created_at >= $3 AND d.created_at < $4)
     FROM unnest($1::smallint[], $2::bigint[]) AS a (shard, number)
     JOIN posthorn.deliveries d ON d.shard = a.shard AND d.event_number = a.number
     WHERE d.endpoint = ${endpointIs('$5')} GROUP BY d.event_number`,
    [numbers.map(shardOfNumber), numbers, since, until, endpointId],
  );
  const inWindow = new Map(sent.map(([number, isIn]) => [number as number, isIn as boolean]));
  const events: (SentEvent | null)[] = eventIds.map(() => null);
  for (const [place, number] of receipts as [number, number][]) {
    const isInWindow = inWindow.get(number);
    if (isInWindow !== undefined) events[place - 1] = { number, isInWindow };
  }
  return events;
}

export async function readEventHeadings(db: Database, numbers: readonly number[]): Promise<EventHeading[]> {
  const rows = await db.query(
    'event_headings',
    `SELECT e.number, e.id, e.amount_minor::text, e.currency FROM unnest($1::smallint[], $2::bigint[]) AS a (shard, number)
     JOIN posthorn.events e ON e.shard = a.shard AND e.number = a.number ORDER BY e.number`,
    [numbers.map(shardOfNumber), numbers],
  );
  return rows.map(eventHeadingOf);
}
