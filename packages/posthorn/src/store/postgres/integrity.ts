import { shardCount } from '../../domain/shard.ts';
import { findingsOfEvent, postgresDigest } from '../digest.ts';
import { fanOutStateOf, missingEventFrom, worthComparisonOf } from '../rows.ts';
import type {
  ConservationRow,
  DigestCursor,
  DigestPage,
  FanOuts,
  Finding,
  Missing,
  MissingWindow,
} from '../store.ts';
import type { WorthComparison } from '../worth.ts';
import type { Database } from './database.ts';
import { hourMs } from '../../domain/time.ts';

// The reconciler's reading (G6). It shares no code with the writers on purpose: its queries count rows
// and read counters, and the comparing is done elsewhere.

export async function readConservation(db: Database): Promise<ConservationRow[]> {
  const rows = await db.snapshot((connection) =>
    connection.query(
      'conservation',
      `WITH counted AS MATERIALIZED (
         SELECT endpoint, count(*) FILTER (WHERE state = 0) AS pending, count(*) FILTER (WHERE state = 1) AS delivered,
           count(*) FILTER (WHERE state = 2) AS dead, count(*) FILTER (WHERE state = 3) AS cancelled,
           count(*) FILTER (WHERE state = 4) AS suppressed
         FROM posthorn.deliveries GROUP BY endpoint),
       booked AS MATERIALIZED (
         SELECT endpoint, sum(accepted)::bigint AS accepted, sum(delivered)::bigint AS delivered, sum(dead)::bigint AS dead,
           sum(cancelled)::bigint AS cancelled, sum(suppressed)::bigint AS suppressed, sum(pruned_delivered)::bigint AS pruned_delivered,
           sum(pruned_dead)::bigint AS pruned_dead, sum(pruned_cancelled)::bigint AS pruned_cancelled,
           sum(pruned_suppressed)::bigint AS pruned_suppressed
         FROM posthorn.ledger GROUP BY endpoint)
       SELECT coalesce(p.id, 'unknown endpoint ' || endpoint), coalesce(p.tenant, 'unknown'),
         coalesce(b.accepted, 0), coalesce(b.delivered, 0), coalesce(b.dead, 0), coalesce(b.cancelled, 0), coalesce(b.suppressed, 0),
         coalesce(c.pending, 0), coalesce(c.delivered, 0), coalesce(c.dead, 0), coalesce(c.cancelled, 0), coalesce(c.suppressed, 0),
         coalesce(b.pruned_delivered, 0), coalesce(b.pruned_dead, 0), coalesce(b.pruned_cancelled, 0), coalesce(b.pruned_suppressed, 0)
       FROM counted c FULL JOIN booked b USING (endpoint) FULL JOIN (SELECT num AS endpoint, id, tenant FROM posthorn.endpoints) p USING (endpoint)
       ORDER BY endpoint`,
    ),
  );
  return rows.map((row) => {
    const [accepted, delivered, dead, cancelled, suppressed, ...rest] = row.slice(2) as number[];
    const [pending, ...counted] = rest.slice(0, 5);
    const states = ([d, e, c, s]: number[]) => ({ delivered: d!, dead: e!, cancelled: c!, suppressed: s! });
    return {
      endpointId: row[0] as string,
      tenant: row[1] as string,
      counters: {
        accepted: accepted!,
        delivered: delivered!,
        dead: dead!,
        cancelled: cancelled!,
        suppressed: suppressed!,
      },
      rows: { pending: pending!, ...states(counted) },
      pruned: states(rest.slice(5)),
    };
  });
}

/** An event that is gone is worth nothing that is known; its delivery is found by another check. */
export async function readWorthComparisons(db: Database): Promise<WorthComparison[]> {
  const side = (state: number): string => `count(*) FILTER (WHERE d.state = ${state}),
    coalesce(sum(e.amount_minor >> 32) FILTER (WHERE d.state = ${state} AND e.currency IS NOT NULL), 0),
    coalesce(sum(e.amount_minor & x'ffffffff'::bigint) FILTER (WHERE d.state = ${state} AND e.currency IS NOT NULL), 0)`;
  const sums = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6'];
  const rows = await db.query(
    'worth_comparisons',
    `SELECT coalesce(p.id, 'unknown endpoint ' || u.endpoint), u.currency, ${sums.map((name) => `sum(u.${name})::bigint`).join(', ')} FROM (
         SELECT endpoint, currency, dead, dead_hi, dead_lo, suppressed, suppressed_hi, suppressed_lo, 0, 0, 0, 0, 0, 0 FROM posthorn.worth
         UNION ALL
         SELECT d.endpoint, coalesce(e.currency, ''), 0, 0, 0, 0, 0, 0, ${side(2)}, ${side(4)}
         FROM posthorn.deliveries d LEFT JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
         WHERE d.state IN (2, 4) GROUP BY 1, 2) AS u (endpoint, currency, ${sums.join(', ')})
       LEFT JOIN posthorn.endpoints p ON p.num = u.endpoint GROUP BY 1, 2`,
  );
  return rows.map(worthComparisonOf);
}

export async function readFanOuts(db: Database, limit: number): Promise<FanOuts> {
  return await db.snapshot(async (connection) => {
    const [sums] = await connection.query(
      'fan_outs_sums',
      `SELECT (SELECT coalesce(sum(planned), 0)::bigint FROM posthorn.fan_out_ledger),
         (SELECT coalesce(sum(made), 0)::bigint FROM posthorn.fan_out_ledger),
         (SELECT coalesce(sum(remaining), 0)::bigint FROM posthorn.fan_out_events)`,
    );
    const [planned, made, remaining] = sums as [number, number, number];
    const underWay = await connection.query(
      'fan_outs_under_way',
      `SELECT h.tenant, h.accepted_at, h.moved_at, (SELECT coalesce(sum(f.remaining), 0)::bigint
           FROM posthorn.fan_outs o JOIN posthorn.fan_out_events f ON f.fan_out = o.id WHERE o.tenant = h.tenant)
       FROM posthorn.fan_outs h WHERE h.id IN (SELECT min(id) FROM posthorn.fan_outs GROUP BY tenant)
       ORDER BY h.moved_at, h.id LIMIT $1`,
      [limit],
    );
    return { planned, made, remaining, underWay: underWay.map(fanOutStateOf) };
  });
}

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

export async function readMissing(
  db: Database,
  { tenant, since, until }: MissingWindow,
  limit: number,
): Promise<Missing> {
  return await db.snapshot(async (connection) => {
    const [pruned] = await connection.query(
      'gone_pruned',
      `SELECT coalesce(sum(pruned_delivered), 0)::bigint, coalesce(sum(pruned_dead), 0)::bigint,
         coalesce(sum(pruned_cancelled), 0)::bigint, coalesce(sum(pruned_suppressed), 0)::bigint
       FROM posthorn.ledger l JOIN posthorn.endpoints p ON p.num = l.endpoint
       WHERE ($1::text IS NULL OR p.tenant = $1) AND l.hour >= $2::int AND l.hour < $3::int`,
      [tenant, Math.floor(since / hourMs), Math.ceil(until / hourMs)],
    );
    const [delivered, dead, cancelled, suppressed] = pruned as number[];
    const events = await connection.query(
      'gone_events',
      `SELECT e.accepted_at, e.deliveries - c.count, e.amount_minor::text, e.currency
       FROM posthorn.events e CROSS JOIN LATERAL (
         SELECT count(*) + coalesce((SELECT f.remaining FROM posthorn.fan_out_events f WHERE f.event_number = e.number), 0) AS count
         FROM posthorn.deliveries d WHERE d.shard = e.shard AND d.event_number = e.number) c
       WHERE ($1::text IS NULL OR e.tenant = $1) AND e.accepted_at >= $2::bigint AND e.accepted_at < $3::bigint AND e.deliveries > c.count
       ORDER BY e.accepted_at, e.number LIMIT $4`,
      [tenant, since, until, limit],
    );
    return {
      pruned: { delivered: delivered!, dead: dead!, cancelled: cancelled!, suppressed: suppressed! },
      events: events.map(missingEventFrom),
    };
  });
}
