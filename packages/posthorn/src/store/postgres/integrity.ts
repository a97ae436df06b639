import { shardCount } from '../../domain/shard.ts';
import { findingsOfEvent, postgresDigest } from '../digest.ts';
import type { DigestCursor, DigestPage, Finding } from '../store.ts';
import type { Database } from './database.ts';

// The reconciler's reading (G6). It shares no code with the writers on purpose: its queries count rows
// and read counters, and the comparing is done elsewhere.

const pageDeliveries = 100;

/** Every event against its digest, one shard after the other, so that each statement names one. */
export async function checkDigests(
  db: Database,
  after: DigestCursor | null,
  limit: number,
): Promise<DigestPage> {
  const { shard, number } = after ?? { shard: 0, number: -1 };
  const rows = await db.query(
    'digests_check',
    `SELECT e.number, e.id, e.digest IS NULL, coalesce(e.digest = ${postgresDigest}, true)
     FROM posthorn.events e WHERE e.shard = $1::smallint AND e.number > $2 ORDER BY e.number LIMIT $3`,
    [shard, number, limit],
  );
  const findings: Finding[] = [];
  for (const [event, eventId, , intact] of rows as [number, string, boolean, boolean][]) {
    if (intact) continue;
    const deliveries = await db.query(
      'digests_deliveries',
      `SELECT d.number, p.id FROM posthorn.deliveries d LEFT JOIN posthorn.endpoints p ON p.num = d.endpoint
       WHERE d.shard = $1::smallint AND d.event_number = $2 ORDER BY d.number LIMIT $3`,
      [shard, event, pageDeliveries],
    );
    findings.push(...findingsOfEvent(eventId, deliveries as [number, string | null][]));
  }
  const ended = rows.length < limit;
  return {
    findings,
    events: rows.length,
    withoutDigest: rows.filter(([, , without]) => without === true).length,
    next: !ended
      ? { shard, number: rows.at(-1)![0] as number }
      : shard + 1 < shardCount
        ? { shard: shard + 1, number: -1 }
        : null,
  };
}
