import { digestOf, findingsOfEvent } from '../digest.ts';
import type { DigestCursor, DigestPage, Finding } from '../store.ts';
import { eventHead } from './claim.ts';
import { damageOf } from './damage.ts';
import type { Database } from './database.ts';

// The reconciler's reading (G6). It shares no code with the writers on purpose: its queries count rows
// and read counters, and the comparing is done elsewhere.

const namedPages = 3;

/** Has SQLite read every page and compare every index with its table. */
export function checkPages(db: Database): void {
  const found = db.all(`PRAGMA integrity_check(${namedPages})`).map(([text]) => String(text));
  if (found.length === 1 && found[0] === 'ok') return;
  throw damageOf(db.path, found.join('; ').replaceAll(/\s+/g, ' '));
}

const pageDeliveries = 100;

/** Every event against its digest, in the order of their numbers; the cursor's shard says nothing here. */
export function checkDigests(db: Database, after: DigestCursor | null, limit: number): DigestPage {
  const rows = db.all(
    `SELECT e.number, e.id, e.data, e.digest, ${eventHead} FROM events e WHERE e.number > ? ORDER BY e.number LIMIT +?`,
    after?.number ?? -1,
    limit,
  ) as [number, string, string, string | null, string][];
  const findings = rows
    .filter(([, , data, digest, head]) => digest !== null && digestOf(head, data) !== digest)
    .flatMap(([number, eventId]): Finding[] => {
      const deliveries = db.all(
        `SELECT d.number, p.id FROM deliveries d LEFT JOIN endpoints p ON p.num = d.endpoint
         WHERE d.event_number = ? ORDER BY d.number LIMIT +?`,
        number,
        pageDeliveries,
      ) as [number, string | null][];
      return findingsOfEvent(eventId, deliveries);
    });
  return {
    findings,
    events: rows.length,
    withoutDigest: rows.filter(([, , , digest]) => digest === null).length,
    next: rows.length < limit ? null : { shard: 0, number: rows.at(-1)![0] },
  };
}
