import { deliveryStates } from '../../domain/delivery.ts';
import { pastPartOf, type PastPage, type PastQuery, type PastStep } from '../past.ts';
import { endOf, partTo, remaining } from '../search.ts';
import type { Database } from './database.ts';
import { inList, listValue, tenantMatches, tenantValues } from './filter.ts';
import { walkTo } from './search.ts';

/** The attempts of `d` that had ended by `?at` and changed something. */
const ended = `FROM attempts a WHERE a.delivery = d.number AND a.started_at + a.duration_ms <= ?6 AND a.outcome <> 'superseded'`;
/** A job in bulk that took it before the moment, and after so long, has made it pending. */
const takenAfter = (after: string): string =>
  `EXISTS (SELECT 1 FROM redrives r WHERE r.id = d.redrive_id AND r.created_at BETWEEN ${after} AND ?6)`;
const isDead = `(SELECT a.outcome ${ended} ORDER BY a.n DESC LIMIT 1) = 'dead'
  AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.delivery = d.number AND a.started_at <= ?6
    AND a.started_at + a.duration_ms > ?6)
  AND NOT ${takenAfter(`(SELECT max(a.started_at + a.duration_ms) ${ended})`)}`;
const firstTrigger = `coalesce((SELECT a.trigger FROM attempts a WHERE a.delivery = d.number ORDER BY a.n LIMIT 1), d.trigger)`;

/** The state that a row had, by its number. */
const stateThen = `CASE
  WHEN d.state <> 0 AND coalesce(d.settled_at, d.created_at) <= ?6 THEN d.state
  WHEN EXISTS (SELECT 1 ${ended}) THEN CASE WHEN ${isDead} THEN 2 ELSE 0 END
  WHEN d.redrives > 0 AND ${firstTrigger} <> 0 AND NOT ${takenAfter('0')} THEN 4
  ELSE 0 END`;

export function readPastStep(db: Database, query: PastQuery, page: PastPage): PastStep {
  const order = 'asc';
  const range = remaining({ ...page, order, limit: page.maxRows });
  if (range === null) return { parts: [], rowsRead: 0, next: null };
  return db.snapshot(() => {
    const { end, rowsRead } = walkTo(db, 'deliveries', range, order, page.maxRows);
    const part = partTo(range, end ?? endOf(range, order), order);
    const rows = db.all(
      `SELECT r.id, nullif(coalesce(e.currency, ''), ''), r.was, r.state, r.late, count(*),
         sum(ifnull(e.amount_minor, 0) >> 32), sum(ifnull(e.amount_minor, 0) & 4294967295), min(r.created_at)
       FROM (SELECT s.*, s.was = 0 AND s.created_at + s.within < ?6 AS late FROM (
           SELECT p.id, d.event_number, d.created_at, d.state, json_extract(p.document, '$.deliverWithinMs') AS within,
             ${stateThen} AS was
           FROM deliveries d NOT INDEXED CROSS JOIN endpoints p ON p.num = d.endpoint
           WHERE d.number BETWEEN ?4 AND ?5 AND d.created_at >= ?7 AND d.created_at < ?6
             AND ${tenantMatches('p.tenant', 1, 2)} AND ${inList('p.id', 3)}) s) r
       LEFT JOIN events e ON (r.was IN (2, 4) OR r.late) AND e.number = r.event_number
       GROUP BY 1, 2, 3, 4, 5`,
      ...tenantValues(query),
      listValue(query.endpointIds),
      part.first,
      part.last,
      query.at,
      query.since,
    );
    return { parts: rows.map((row) => pastPartOf(row, deliveryStates)), rowsRead, next: end };
  });
}
