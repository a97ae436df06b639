import { hourMs, minuteMs } from '../../domain/time.ts';
import {
  type EndpointFigures,
  type EndpointFiguresRequest,
  type RiskAnswer,
  type RiskRequest,
  risksOf,
} from '../endpoint-figures.ts';
import { tallyColumns, tallyOf } from '../rows.ts';
import type { Connection, Database, Row } from './database.ts';

const sums = tallyColumns.map((name) => `sum(l.${name})::bigint`).join(', ');

/** Counters stand in one place, or beside the rows of each shard where the tables are distributed. */
const counted = ({ oneShard }: Connection): string => (oneShard ? 'l.shard BETWEEN 0 AND 63' : 'l.shard = 0');

const grouped = (rows: readonly Row[]): Map<number, readonly Row[]> =>
  Map.groupBy(rows, (row) => row[0] as number);

async function numsOf(connection: Connection, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await connection.query(
    'endpoint_nums',
    'SELECT id, num FROM posthorn.endpoints WHERE id = ANY ($1::text[])',
    [ids],
  );
  return new Map(rows.map(([id, num]) => [id as string, num as number]));
}

export async function readEndpointFigures(
  db: Database,
  { endpoints, since, latencySince }: EndpointFiguresRequest,
): Promise<EndpointFigures[]> {
  return await db.snapshot(async (connection) => {
    const at = counted(connection);
    const numById = await numsOf(
      connection,
      endpoints.map(({ endpointId }) => endpointId),
    );
    const known = endpoints.filter(({ endpointId }) => numById.has(endpointId));
    const nums = known.map(({ endpointId }) => numById.get(endpointId)!);
    const totals = await connection.query(
      'figures_totals',
      `SELECT l.endpoint, sum(l.accepted)::bigint, sum(l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed)::bigint,
         sum(l.dead - l.pruned_dead)::bigint, sum(l.suppressed - l.pruned_suppressed)::bigint
       FROM posthorn.ledger l WHERE ${at} AND l.endpoint = ANY ($1::int[]) GROUP BY l.endpoint`,
      [nums],
    );
    const hours = await connection.query(
      'figures_hours',
      `SELECT l.endpoint, l.hour, ${sums} FROM posthorn.ledger l
       WHERE ${at} AND l.endpoint = ANY ($1::int[]) AND l.hour >= $2 GROUP BY l.endpoint, l.hour ORDER BY l.endpoint, l.hour`,
      [nums, Math.floor(since / hourMs)],
    );
    const partial = await connection.query(
      'figures_partial',
      `SELECT r.num, ${sums} FROM unnest($1::int[], $2::int[], $3::int[]) AS r (num, since, until)
       JOIN posthorn.tallies l ON ${at} AND l.endpoint = r.num AND l.minute >= r.since AND l.minute < r.until GROUP BY r.num`,
      [
        nums,
        known.map(({ dueUntil }) => Math.floor(dueUntil / hourMs) * 60),
        known.map(({ dueUntil }) => Math.floor(dueUntil / minuteMs)),
      ],
    );
    const latency = await connection.query(
      'figures_latency',
      `SELECT l.endpoint, l.bucket, sum(l.count)::bigint FROM posthorn.latency l
       WHERE ${at} AND l.endpoint = ANY ($1::int[]) AND l.hour >= $2 GROUP BY l.endpoint, l.bucket`,
      [nums, Math.floor(latencySince / hourMs)],
    );
    const due = await connection.query(
      'figures_due',
      `SELECT n.num, (SELECT min(d.due_at) FROM posthorn.deliveries d WHERE d.state = 0 AND d.endpoint = n.num)
       FROM unnest($1::int[]) AS n (num)`,
      [nums],
    );
    const by = { totals: grouped(totals), hours: grouped(hours), partial: grouped(partial) };
    const latencies = grouped(latency);
    const dueAt = grouped(due);
    return known.map(({ endpointId }) => {
      const num = numById.get(endpointId)!;
      const [, accepted, pending, dead, suppressed] = (by.totals.get(num)?.[0] ?? [
        num,
        0,
        0,
        0,
        0,
      ]) as number[];
      return {
        endpointId,
        accepted: accepted!,
        pending: pending!,
        dead: dead!,
        suppressed: suppressed!,
        hours: (by.hours.get(num) ?? []).map((row) => ({
          at: (row[1] as number) * hourMs,
          ...tallyOf(row, 2),
        })),
        partial: tallyOf(
          by.partial.get(num)?.[0] ?? tallyColumns.map(() => null),
          by.partial.has(num) ? 1 : 0,
        ),
        latency: (latencies.get(num) ?? []).map(([, bucket, count]) => ({
          bucket: bucket as number,
          count: count as number,
        })),
        nextDueAt: (dueAt.get(num)?.[0]?.[1] ?? null) as number | null,
      };
    });
  });
}

/** The newest rows of an endpoint, of one kind of risk each. */
const riskRows = [
  'd.state = 0 AND d.endpoint = r.num AND d.created_at < r.late LIMIT $4',
  'd.state = 2 AND d.endpoint = r.num ORDER BY d.number DESC LIMIT $4',
  'd.state = 4 AND d.endpoint = r.num ORDER BY d.number DESC LIMIT $4',
].map(
  (where, kind) => `SELECT r.id, ${kind} AS kind, e.type, e.currency, e.amount_minor
     FROM unnest($1::text[], $2::int[], $3::bigint[]) AS r (id, num, late)
     CROSS JOIN LATERAL (SELECT d.shard, d.event_number FROM posthorn.deliveries d WHERE ${where}) d
     JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number`,
);

export async function readAtRisk(db: Database, { endpoints, maxRows }: RiskRequest): Promise<RiskAnswer> {
  const numById = await numsOf(
    db,
    endpoints.map(({ endpointId }) => endpointId),
  );
  const known = endpoints.filter(({ endpointId }) => numById.has(endpointId));
  const rows = await db.query(
    'at_risk',
    `SELECT id, type, kind, currency, sum(amount_minor)::text, count(*) FROM (${riskRows.map((sql) => `(${sql})`).join(' UNION ALL ')}) x
     GROUP BY id, type, kind, currency`,
    [
      known.map(({ endpointId }) => endpointId),
      known.map(({ endpointId }) => numById.get(endpointId)!),
      known.map(({ lateBefore }) => lateBefore),
      maxRows,
    ],
  );
  const read = new Map<string, number>();
  for (const [id, , kind, , , count] of rows) {
    const key = `${id} ${kind}`;
    read.set(key, (read.get(key) ?? 0) + (count as number));
  }
  return { risks: risksOf(rows), complete: [...read.values()].every((count) => count < maxRows) };
}
