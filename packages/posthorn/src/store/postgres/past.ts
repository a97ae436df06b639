import { deliveryStates } from '../../domain/delivery.ts';
import { pastPartOf, type PastPage, type PastQuery, type PastStep } from '../past.ts';
import { remaining } from '../search.ts';
import type { Database } from './database.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';
import { allShards, walk } from './search.ts';

/** The attempts of `d` that had ended by the moment and changed something. */
const ended = `FROM posthorn.attempts a WHERE a.shard = d.shard AND a.delivery = d.number
  AND a.started_at + a.duration_ms <= $6 AND a.outcome <> 'superseded'`;
/** A job in bulk that took it before the moment, and after so long, has made it pending. */
const takenAfter = (after: string): string =>
  `EXISTS (SELECT 1 FROM posthorn.redrives r WHERE r.id = d.redrive_id AND r.created_at BETWEEN ${after} AND $6)`;
const isDead = `(SELECT a.outcome ${ended} ORDER BY a.n DESC LIMIT 1) = 'dead'
  AND NOT EXISTS (SELECT 1 FROM posthorn.attempts a WHERE a.shard = d.shard AND a.delivery = d.number AND a.started_at <= $6
    AND a.started_at + a.duration_ms > $6)
  AND NOT ${takenAfter(`(SELECT max(a.started_at + a.duration_ms) ${ended})`)}`;
const firstTrigger = `coalesce((SELECT a.trigger FROM posthorn.attempts a WHERE a.shard = d.shard AND a.delivery = d.number ORDER BY a.n LIMIT 1), d.trigger)`;

/** The state that a row had, by its number. */
const stateThen = `CASE
  WHEN d.state <> 0 AND coalesce(d.settled_at, d.created_at) <= $6 THEN d.state
  WHEN EXISTS (SELECT 1 ${ended}) THEN CASE WHEN ${isDead} THEN 2 ELSE 0 END
  WHEN d.redrives > 0 AND ${firstTrigger} <> 0 AND NOT ${takenAfter('0')} THEN 4
  ELSE 0 END`;

export async function readPastStep(db: Database, query: PastQuery, page: PastPage): Promise<PastStep> {
  const asked = { ...page, order: 'asc', limit: page.maxRows } as const;
  const range = remaining(asked);
  const walked = range === null ? null : await walk(db, 'deliveries', range, allShards, asked);
  if (walked === null) return { parts: [], rowsRead: 0, next: null };
  const { part, end, rowsRead } = walked;
  const rows = await db.query(
    'past_step',
    `SELECT r.id, nullif(coalesce(e.currency, ''), ''), r.was, r.state, r.late, count(*),
       coalesce(sum(e.amount_minor >> 32), 0), coalesce(sum(e.amount_minor & 4294967295), 0), min(r.created_at)
     FROM (SELECT s.*, s.was = 0 AND s.created_at + s.within < $6 AS late FROM (
         SELECT p.id, d.shard, d.event_number, d.created_at, d.state, (p.document ->> 'deliverWithinMs')::float8 AS within,
           ${stateThen} AS was
         FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
         WHERE d.shard = ANY ($8::smallint[]) AND d.number BETWEEN $4 AND $5 AND d.created_at >= $7 AND d.created_at < $6
           AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}) s) r
     LEFT JOIN posthorn.events e ON (r.was IN (2, 4) OR r.late) AND e.shard = r.shard AND e.number = r.event_number
     GROUP BY 1, 2, 3, 4, 5`,
    [...tenantValues(query), query.endpointIds, part.first, part.last, query.at, query.since, allShards],
  );
  return { parts: rows.map((row) => pastPartOf(row, deliveryStates)), rowsRead, next: end };
}
