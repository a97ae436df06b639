import type { ErrorClass } from '../../domain/attempt.ts';
import { dayMs, hourMs, minuteMs } from '../../domain/time.ts';
import type { CounterRange } from '../accounting.ts';
import {
  type MissedRange,
  type MissedWorth,
  missedWorthOf,
  type ObjectiveReadings,
  stepsWithHeld,
} from '../objective-readings.ts';
import { stateNumbers } from '../rows.ts';
import { rangesIn, readHeld, readRanges } from './accounting.ts';
import { counterShards, sum } from './counters.ts';
import { type Cold, separately, snapshot } from './methods.ts';
import { inOrder, limit, sameShard, shardColumn, table } from './pieces.ts';
import { raw, type Sql, sql } from './sql.ts';
import { row, rows, type Steps } from './steps.ts';

/** Rows that may have missed a deadline, by the condition of their index, with the columns that say whether they did. */
interface Kind {
  readonly rows: Sql;
  readonly columns: Sql;
  readonly missed: (now: number, deliverWithinMs: number) => Sql;
  readonly ofSender: Sql;
}

/** They missed it whenever they ended: in SQLite their index has all that is read. */
const dropped = (state: number): Kind => ({
  rows: raw(`d.state = ${state} AND d.state >= 2`),
  columns: raw('d.created_at'),
  missed: () => raw('true'),
  ofSender: raw('0'),
});
const kinds: readonly Kind[] = [
  dropped(stateNumbers.dead),
  dropped(stateNumbers.suppressed),
  {
    rows: raw('d.state = 0'),
    columns: raw('d.created_at, d.attempts, d.held'),
    missed: (now, deliverWithinMs) => sql`${now} - n.created_at > ${deliverWithinMs}`,
    ofSender: sql`CASE WHEN n.attempts = 0 AND n.held = ${false} THEN 1 ELSE 0 END`,
  },
  {
    rows: raw('d.state = 1 AND d.attempts > 1'),
    columns: raw('d.created_at, d.settled_at'),
    missed: (now, deliverWithinMs) => sql`coalesce(n.settled_at, ${now}) - n.created_at > ${deliverWithinMs}`,
    ofSender: raw('0'),
  },
];

/** So many of the newest rows of a kind at most: what those that missed the deadline are worth. */
function* readMissed(
  { endpointId, since, until, deliverWithinMs }: MissedRange,
  { num, kind, now, max }: { num: number; kind: Kind; now: number; max: number },
): Steps<{ readonly worth: readonly MissedWorth[]; readonly rowsRead: number }> {
  const found = yield* rows(
    sql`WITH newest AS MATERIALIZED (
        SELECT ${shardColumn('d')}d.event_number, ${kind.columns} FROM ${table('deliveries')} d
        WHERE ${kind.rows} AND d.endpoint = ${num} ORDER BY d.number DESC ${limit(max)})
      SELECT CAST(NULL AS text), CAST(NULL AS bigint), 0, CAST(NULL AS text), CAST(NULL AS text), (SELECT count(*) FROM newest)
      UNION ALL
      SELECT e.type, n.created_at / ${raw(String(dayMs))}, ${kind.ofSender}, e.currency, CAST(sum(e.amount_minor) AS text), count(*)
      FROM newest n JOIN ${table('events')} e ON ${sameShard('e', 'n')}e.number = n.event_number
      WHERE n.created_at >= ${since} AND n.created_at < ${until} AND e.currency IS NOT NULL AND ${kind.missed(now, deliverWithinMs)}
      GROUP BY 1, 2, 3, 4`,
  );
  // The count is the row without a type.
  return {
    worth: found.filter(([type]) => type !== null).map((one) => missedWorthOf([endpointId, ...one])),
    rowsRead: found.find(([type]) => type === null)![5] as number,
  };
}

const inHours = (ranges: readonly CounterRange[]): CounterRange[] =>
  ranges.map(({ endpointId, since, until }) => ({
    endpointId,
    since: Math.floor(since / hourMs),
    until: Math.ceil(until / hourMs),
  }));

export const objectiveListings: Cold<ObjectiveReadings> = {
  counterSteps: snapshot(function* (ranges, stepMinutes, eventTypes = null) {
    const found = yield* readRanges(ranges, { step: Math.floor(stepMinutes), eventTypes });
    const steps = found.map(({ place, step, ...one }) => ({
      ...one,
      at: step * stepMinutes * minuteMs,
      endpointId: ranges[place]!.endpointId,
    }));
    return stepsWithHeld(steps, yield* readHeld(ranges));
  }),

  failureDays: separately(function* (ranges) {
    const found = yield* rows(
      sql`${rangesIn(inHours(ranges))} SELECT r.place, l.hour / 24, l.type, l.class, ${sum('l.count')}
        FROM r ${inOrder} ${table('endpoints')} p ON p.id = r.id
        ${inOrder} ${table('failures')} l ON ${counterShards('l')} AND l.endpoint = p.num AND l.hour >= r.since AND l.hour < r.until
        GROUP BY r.place, l.hour / 24, l.type, l.class`,
    );
    return found.map(([place, day, type, errorClass, count]) => ({
      endpointId: ranges[place as number]!.endpointId,
      day: (day as number) * dayMs,
      eventType: type as string,
      errorClass: errorClass as ErrorClass,
      count: count as number,
    }));
  }),

  missedWorth: snapshot(function* (ranges, now, max) {
    const worth: MissedWorth[] = [];
    let rowsRead = 0;
    for (const range of ranges) {
      const found = yield* row(sql`SELECT num FROM ${table('endpoints')} WHERE id = ${range.endpointId}`);
      if (found === undefined) continue;
      for (const kind of kinds) {
        const read = yield* readMissed(range, { num: found[0] as number, kind, now, max: max - rowsRead });
        rowsRead += read.rowsRead;
        worth.push(...read.worth);
        if (rowsRead >= max) return { worth, rowsRead, complete: false };
      }
    }
    return { worth, rowsRead, complete: true };
  }),
};
