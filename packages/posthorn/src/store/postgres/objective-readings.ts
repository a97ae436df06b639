import type { ErrorClass } from '../../domain/attempt.ts';
import { dayMs, hourMs, minuteMs } from '../../domain/time.ts';
import type { TallyRange } from '../accounting.ts';
import {
  type DayFailures,
  type MissedRange,
  type MissedWorthAnswer,
  missedWorthOf,
  type StepTally,
  stepsWithHeld,
} from '../objective-readings.ts';
import { tallyColumns, tallyOf } from '../rows.ts';
import { readHeld, sums } from './accounting.ts';
import { counted } from './type-filter.ts';
import type { Database } from './database.ts';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex = `
  CREATE INDEX deliveries_retried ON posthorn.deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;
`;

/** Ranges as three arrays of parameters, in a unit of time. */
const rangesTable = 'unnest($1::text[], $2::int[], $3::int[]) AS r (id, since, until)';

export async function readTallySteps(
  db: Database,
  ranges: readonly TallyRange[],
  stepMinutes: number,
): Promise<readonly StepTally[]> {
  const rows = await db.query(
    'tally_steps',
    `SELECT ${sums}, sum(l.recovered)::bigint, sum(l.held_late)::bigint, l.type, l.minute / $4::int, r.id
     FROM ${rangesTable} JOIN posthorn.endpoints p ON p.id = r.id
     JOIN posthorn.tallies l ON ${counted(db)} AND l.endpoint = p.num AND l.minute >= r.since AND l.minute < r.until
     GROUP BY r.id, l.minute / $4::int, l.type`,
    [
      ranges.map(({ endpointId }) => endpointId),
      ranges.map(({ since }) => Math.floor(since / minuteMs)),
      ranges.map(({ until }) => Math.floor(until / minuteMs)),
      stepMinutes,
    ],
  );
  const steps = rows.map((row) => ({
    ...tallyOf(row, 0),
    recovered: row[tallyColumns.length] as number,
    heldLate: row[tallyColumns.length + 1] as number,
    held: 0,
    eventType: row[tallyColumns.length + 2] as string,
    at: (row[tallyColumns.length + 3] as number) * stepMinutes * minuteMs,
    endpointId: row[tallyColumns.length + 4] as string,
  }));
  return stepsWithHeld(steps, await readHeld(db, [...new Set(ranges.map(({ endpointId }) => endpointId))]));
}

export async function readFailureDays(
  db: Database,
  ranges: readonly TallyRange[],
): Promise<readonly DayFailures[]> {
  const rows = await db.query(
    'failure_days',
    `SELECT r.id, l.hour / 24, l.type, l.class, sum(l.count)::bigint
     FROM ${rangesTable} JOIN posthorn.endpoints p ON p.id = r.id
     JOIN posthorn.failures l ON ${counted(db)} AND l.endpoint = p.num AND l.hour >= r.since AND l.hour < r.until
     GROUP BY r.id, l.hour / 24, l.type, l.class`,
    [
      ranges.map(({ endpointId }) => endpointId),
      ranges.map(({ since }) => Math.floor(since / hourMs)),
      ranges.map(({ until }) => Math.ceil(until / hourMs)),
    ],
  );
  return rows.map(([endpointId, day, type, errorClass, count]) => ({
    endpointId: endpointId as string,
    day: (day as number) * dayMs,
    eventType: type as string,
    errorClass: errorClass as ErrorClass,
    count: count as number,
  }));
}

/** Rows that may have missed a deadline, by the conditions of their indexes. */
const kinds = ['d.state = 2', 'd.state = 4', 'd.state = 0', 'd.state = 1 AND d.attempts > 1'];

export async function readMissedWorth(
  db: Database,
  ranges: readonly MissedRange[],
  now: number,
  limit: number,
): Promise<MissedWorthAnswer> {
  const worth: MissedWorthAnswer['worth'][number][] = [];
  let rowsRead = 0;
  for (const { endpointId, since, until, deliverWithinMs } of ranges)
    for (const [index, kind] of kinds.entries()) {
      const [first, ...found] = await db.query(
        `missed_worth_${index}`,
        `WITH newest AS MATERIALIZED (
           SELECT d.shard, d.event_number, d.state, d.attempts, d.held, d.created_at, d.settled_at
           FROM posthorn.deliveries d
           WHERE ${kind} AND d.endpoint = (SELECT num FROM posthorn.endpoints WHERE id = $1::text)
           ORDER BY d.number DESC LIMIT $6)
         SELECT NULL::text, NULL::text, NULL::bigint, NULL::int, NULL::text, NULL::text, (SELECT count(*) FROM newest)
         UNION ALL
         SELECT $1::text, e.type, n.created_at / ${dayMs}, (n.state = 0 AND n.attempts = 0 AND NOT n.held)::int, e.currency,
           sum(e.amount_minor)::text, count(*)
         FROM newest n JOIN posthorn.events e ON e.shard = n.shard AND e.number = n.event_number
         WHERE n.created_at >= $2::bigint AND n.created_at < $3::bigint AND e.currency IS NOT NULL
           AND (n.state >= 2 OR coalesce(n.settled_at, $5::bigint) - n.created_at > $4::bigint)
         GROUP BY 2, 3, 4, 5`,
        [endpointId, since, until, deliverWithinMs, now, limit - rowsRead],
      );
      rowsRead += Number(first![6]);
      worth.push(...found.map(missedWorthOf));
      if (rowsRead >= limit) return { worth, rowsRead, complete: false };
    }
  return { worth, rowsRead, complete: true };
}
