import { deliveryStates } from '../../domain/delivery.ts';
import { type Past, pastPartOf, type PastQuery } from '../past.ts';
import { type Cold, snapshot } from './methods.ts';
import { ofPart, walk } from './numbers.ts';
import { all, byNumber, givenAnyOf, inOrder, ofTenants, sameShard, table } from './pieces.ts';
import { type Sql, sql } from './sql.ts';
import { rows } from './steps.ts';

/** The state that a row had at a moment, by its number. */
function stateThen(at: number): Sql {
  const attempts = sql`FROM ${table('attempts')} a WHERE ${sameShard('a', 'd')}a.delivery = d.number`;
  // Those that had ended and changed something.
  const ended = sql`${attempts} AND a.started_at + a.duration_ms <= ${at} AND a.outcome <> 'superseded'`;
  // A job in bulk that took it before the moment, and after so long, has made it pending.
  const takenAfter = (after: Sql): Sql =>
    sql`coalesce((SELECT r.created_at FROM ${table('redrives')} r WHERE r.id = d.redrive_id) BETWEEN ${after} AND ${at}, false)`;
  const isDead = sql`(SELECT a.outcome ${ended} ORDER BY a.n DESC LIMIT 1) = 'dead'
    AND NOT EXISTS (SELECT 1 ${attempts} AND a.started_at <= ${at} AND a.started_at + a.duration_ms > ${at})
    AND NOT ${takenAfter(sql`(SELECT max(a.started_at + a.duration_ms) ${ended})`)}`;
  const firstTrigger = sql`coalesce((SELECT a.trigger ${attempts} ORDER BY a.n LIMIT 1), d.trigger)`;
  return sql`CASE
    WHEN d.state <> 0 AND coalesce(d.settled_at, d.created_at) <= ${at} THEN d.state
    WHEN EXISTS (SELECT 1 ${ended}) THEN CASE WHEN ${isDead} THEN 2 ELSE 0 END
    WHEN d.redrives > 0 AND ${firstTrigger} <> 0 AND NOT ${takenAfter(sql`0`)} THEN 4
    ELSE 0 END`;
}

const inScope = (query: PastQuery): Sql =>
  all([ofTenants('p.tenant', query), givenAnyOf('p.id', query.endpointIds)]);

export const pastListings: Cold<Past> = {
  pastStep: snapshot(function* (query, page) {
    const walked = yield* walk('deliveries', null, { ...page, order: 'asc', limit: page.maxRows });
    if (walked === null) return { parts: [], rowsRead: 0, next: null };
    const { part, end, rowsRead } = walked;
    const { at, since } = query;
    const found = yield* rows(
      sql`SELECT r.id, nullif(coalesce(e.currency, ''), ''), r.was, r.state, r.late, count(*),
          coalesce(sum(e.amount_minor >> 32), 0), coalesce(sum(e.amount_minor & 4294967295), 0), min(r.created_at)
        FROM (SELECT s.*, s.was = 0 AND s.created_at + s.within < ${at} AS late FROM (
            SELECT p.id, d.shard, d.event_number, d.created_at, d.state, CAST(p.document ->> 'deliverWithinMs' AS bigint) AS within,
              ${stateThen(at)} AS was
            FROM ${table('deliveries')} d ${byNumber} ${inOrder} ${table('endpoints')} p ON p.num = d.endpoint
            WHERE ${ofPart('d', null, part)} AND d.created_at >= ${since} AND d.created_at < ${at} AND ${inScope(query)}) s) r
        LEFT JOIN ${table('events')} e ON (r.was IN (2, 4) OR r.late) AND ${sameShard('e', 'r')}e.number = r.event_number
        GROUP BY 1, 2, 3, 4, 5`,
    );
    return { parts: found.map((row) => pastPartOf(row, deliveryStates)), rowsRead, next: end };
  }),
};
