import { hourMs, minuteMs } from '../../domain/time.ts';
import {
  type EndpointFigures,
  type EndpointFiguresRequest,
  type RiskAnswer,
  type RiskRequest,
  risksOf,
} from '../endpoint-figures.ts';
import { tallyColumns, tallyOf } from '../rows.ts';
import type { Database, Row } from './database.ts';

const sums = tallyColumns.map((name) => `sum(l.${name})`).join(', ');
const columns = tallyColumns.map((name) => `l.${name}`).join(', ');

/** Endpoint numbers by id; those that the store does not know are left out. */
function numsOf(db: Database, ids: readonly string[]): Map<string, number> {
  const rows = db.all(
    'SELECT id, num FROM endpoints WHERE id IN (SELECT value FROM json_each(?))',
    JSON.stringify(ids),
  );
  return new Map(rows.map(([id, num]) => [id as string, num as number]));
}

const grouped = (rows: readonly Row[]): Map<number, readonly Row[]> =>
  Map.groupBy(rows, (row) => row[0] as number);

export function readEndpointFigures(
  db: Database,
  { endpoints, since, latencySince }: EndpointFiguresRequest,
): EndpointFigures[] {
  return db.snapshot(() => {
    const numById = numsOf(
      db,
      endpoints.map(({ endpointId }) => endpointId),
    );
    const nums = JSON.stringify([...numById.values()]);
    const totals = grouped(
      db.all(
        `SELECT n.value, sum(l.accepted), sum(l.accepted - l.delivered - l.dead - l.cancelled - l.suppressed),
           sum(l.dead - l.pruned_dead), sum(l.suppressed - l.pruned_suppressed)
         FROM json_each(?) n CROSS JOIN ledger l ON l.shard = 0 AND l.endpoint = n.value GROUP BY n.value`,
        nums,
      ),
    );
    const hours = grouped(
      db.all(
        `SELECT l.endpoint, l.hour, ${columns} FROM json_each(?1) n
         CROSS JOIN ledger l ON l.shard = 0 AND l.endpoint = n.value AND l.hour >= ?2 ORDER BY l.endpoint, l.hour`,
        nums,
        Math.floor(since / hourMs),
      ),
    );
    const partial = new Map(
      endpoints.flatMap(({ endpointId, dueUntil }) => {
        const num = numById.get(endpointId);
        if (num === undefined) return [];
        const row = db.get(
          `SELECT ${sums} FROM tallies l WHERE l.shard = 0 AND l.endpoint = ? AND l.minute >= ? AND l.minute < ?`,
          num,
          Math.floor(dueUntil / hourMs) * 60,
          Math.floor(dueUntil / minuteMs),
        );
        return [[endpointId, tallyOf(row!, 0)] as const];
      }),
    );
    const latency = grouped(
      db.all(
        `SELECT l.endpoint, l.bucket, sum(l.count) FROM json_each(?1) n
         CROSS JOIN latency l ON l.shard = 0 AND l.endpoint = n.value AND l.hour >= ?2 GROUP BY l.endpoint, l.bucket`,
        nums,
        Math.floor(latencySince / hourMs),
      ),
    );
    return [...numById].map(([endpointId, num]) => {
      const [, accepted, pending, dead, suppressed] = (totals.get(num)?.[0] ?? [num, 0, 0, 0, 0]) as number[];
      const due = db.get('SELECT min(due_at) FROM deliveries WHERE state = 0 AND endpoint = ?', num)!;
      return {
        endpointId,
        accepted: accepted!,
        pending: pending!,
        dead: dead!,
        suppressed: suppressed!,
        hours: (hours.get(num) ?? []).map((row) => ({ at: (row[1] as number) * hourMs, ...tallyOf(row, 2) })),
        partial: partial.get(endpointId)!,
        latency: (latency.get(num) ?? []).map(([, bucket, count]) => ({
          bucket: bucket as number,
          count: count as number,
        })),
        nextDueAt: due[0] as number | null,
      };
    });
  });
}

/**
 * The events of the newest rows of an endpoint, of one kind of risk each; what is late knows since when. `state >= 2` is the
 * condition of the index: without it every row is read, which took 16 s of 10,000,000.
 */
const riskRows = [
  'SELECT event_number FROM deliveries WHERE state = 0 AND endpoint = ?1 AND created_at < ?3 LIMIT +?2',
  'SELECT event_number FROM deliveries WHERE state >= 2 AND state = 2 AND endpoint = ?1 ORDER BY number DESC LIMIT +?2',
  'SELECT event_number FROM deliveries WHERE state >= 2 AND state = 4 AND endpoint = ?1 ORDER BY number DESC LIMIT +?2',
];

export function readAtRisk(db: Database, { endpoints, maxRows }: RiskRequest): RiskAnswer {
  return db.snapshot(() => {
    const numById = numsOf(
      db,
      endpoints.map(({ endpointId }) => endpointId),
    );
    let complete = true;
    const rows = endpoints.flatMap(({ endpointId, lateBefore }) => {
      const num = numById.get(endpointId);
      if (num === undefined) return [];
      return riskRows.flatMap((sql, kind) => {
        const groups = db.all(
          `SELECT e.type, e.currency, CAST(sum(e.amount_minor) AS TEXT), count(*)
           FROM (${sql}) d CROSS JOIN events e ON e.number = d.event_number GROUP BY e.type, e.currency`,
          num,
          maxRows,
          ...(kind === 0 ? [lateBefore] : []),
        );
        complete &&= groups.reduce((read, row) => read + (row[3] as number), 0) < maxRows;
        return groups.map(([type, currency, sum, count]) => [
          endpointId,
          type!,
          kind,
          currency!,
          sum!,
          count!,
        ]);
      });
    });
    return { risks: risksOf(rows), complete };
  });
}
