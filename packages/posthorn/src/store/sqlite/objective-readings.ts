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
import type { Database } from './database.ts';

/** A migration: the way to deliveries of an endpoint that needed more than one attempt; those of a first attempt are not in it. */
export const retriedIndex = `
  CREATE INDEX deliveries_retried ON deliveries (endpoint, number) WHERE state = 1 AND attempts > 1;
`;

export function readTallySteps(
  db: Database,
  ranges: readonly TallyRange[],
  stepMinutes: number,
): readonly StepTally[] {
  return db.snapshot(() => {
    const steps = ranges.flatMap(({ endpointId, since, until }) =>
      db
        .all(
          `SELECT ${sums}, sum(l.recovered), sum(l.held_late), l.type, l.minute / CAST(?4 AS INTEGER) FROM endpoints p
           CROSS JOIN tallies l ON l.shard = 0 AND l.endpoint = p.num AND l.minute >= ?2 AND l.minute < ?3
           WHERE p.id = ?1 GROUP BY l.minute / CAST(?4 AS INTEGER), l.type`,
          endpointId,
          Math.floor(since / minuteMs),
          Math.floor(until / minuteMs),
          stepMinutes,
        )
        .map((row) => ({
          ...tallyOf(row, 0),
          recovered: row[tallyColumns.length] as number,
          heldLate: row[tallyColumns.length + 1] as number,
          held: 0,
          eventType: row[tallyColumns.length + 2] as string,
          endpointId,
          at: (row[tallyColumns.length + 3] as number) * stepMinutes * minuteMs,
        })),
    );
    return stepsWithHeld(steps, readHeld(db, [...new Set(ranges.map(({ endpointId }) => endpointId))]));
  });
}

export function readFailureDays(db: Database, ranges: readonly TallyRange[]): readonly DayFailures[] {
  return db.snapshot(() =>
    ranges.flatMap(({ endpointId, since, until }) =>
      db
        .all(
          `SELECT l.hour / 24, l.type, l.class, sum(l.count) FROM endpoints p
           CROSS JOIN failures l ON l.shard = 0 AND l.endpoint = p.num AND l.hour >= ?2 AND l.hour < ?3
           WHERE p.id = ?1 GROUP BY 1, 2, 3`,
          endpointId,
          Math.floor(since / hourMs),
          Math.ceil(until / hourMs),
        )
        .map(([day, type, errorClass, count]) => ({
          endpointId,
          day: (day as number) * dayMs,
          eventType: type as string,
          errorClass: errorClass as ErrorClass,
          count: count as number,
        })),
    ),
  );
}

/** Rows that may have missed a deadline, by the conditions of their indexes. */
const kinds = [
  'd.state = 2 AND d.state >= 2',
  'd.state = 4 AND d.state >= 2',
  'd.state = 0',
  'd.state = 1 AND d.attempts > 1',
];

export function readMissedWorth(
  db: Database,
  ranges: readonly MissedRange[],
  now: number,
  limit: number,
): MissedWorthAnswer {
  return db.snapshot(() => {
    const worth: MissedWorthAnswer['worth'][number][] = [];
    let rowsRead = 0;
    let complete = true;
    for (const { endpointId, since, until, deliverWithinMs } of ranges) {
      const num = db.get('SELECT num FROM endpoints WHERE id = ?', endpointId)?.[0];
      if (num === undefined || num === null) continue;
      for (const kind of kinds) {
        const rows = db.all(
          `WITH newest AS MATERIALIZED (
             SELECT d.event_number, d.state, d.attempts, d.held, d.created_at, d.settled_at FROM deliveries d
             WHERE ${kind} AND d.endpoint = ?1 ORDER BY d.number DESC LIMIT ?6)
           SELECT NULL, NULL, NULL, NULL, NULL, NULL, (SELECT count(*) FROM newest)
           UNION ALL
           SELECT ?7, e.type, n.created_at / ${dayMs}, n.state = 0 AND n.attempts = 0 AND n.held = 0, e.currency,
             CAST(sum(e.amount_minor) AS TEXT), count(*)
           FROM newest n JOIN events e ON e.number = n.event_number
           WHERE n.created_at >= ?2 AND n.created_at < ?3 AND e.currency IS NOT NULL
             AND (n.state >= 2 OR coalesce(n.settled_at, ?5) - n.created_at > ?4)
           GROUP BY 2, 3, 4, 5`,
          num,
          since,
          until,
          deliverWithinMs,
          now,
          limit - rowsRead,
          endpointId,
        );
        const [counted, ...found] = rows;
        rowsRead += counted![6] as number;
        worth.push(...found.map(missedWorthOf));
        if (rowsRead >= limit) complete = false;
        if (!complete) return { worth, rowsRead, complete };
      }
    }
    return { worth, rowsRead, complete };
  });
}
