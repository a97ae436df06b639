import type { ErrorClass } from '../../domain/attempt.ts';
import { hourMs } from '../../domain/time.ts';
import type {
  EndpointEvidenceReadings,
  EvidenceRequest,
  FailedAttempt,
  FailureCount,
} from '../endpoint-evidence.ts';
import { attemptOf } from '../rows.ts';
import { counterShards, sum } from './counters.ts';
import { type Cold, snapshot } from './methods.ts';
import { inOrder, limit, sameShard, table } from './pieces.ts';
import { attemptColumns } from './readings.ts';
import { joined, type Row, type Sql, sql } from './sql.ts';
import { row, rows, type Steps } from './steps.ts';

/** Pending deliveries of an endpoint, the earliest due first, at most so many. */
const pending = (num: number, max: number): Sql =>
  sql`(SELECT tries, due_at, created_at, claimed_by FROM ${table('deliveries')} WHERE state = 0 AND endpoint = ${num}
    ORDER BY due_at ${limit(max)}) d`;

/** By the tries: tries, count, earliest, oldest, claimed, and when the next unclaimed one is due. */
function* readWaiting(num: number, { now, maxPending }: EvidenceRequest): Steps<readonly Row[]> {
  return yield* rows(
    sql`SELECT tries, count(*), min(CASE WHEN claimed_by IS NOT NULL OR due_at < ${now} THEN CAST(${now} AS bigint) ELSE due_at END),
        min(created_at), count(claimed_by), min(due_at) FILTER (WHERE claimed_by IS NULL)
      FROM ${pending(num, maxPending)} GROUP BY tries ORDER BY tries`,
  );
}

/** How many are due from one bound to the next, each counted up to the maximum. */
function* readDue(num: number, { dueBounds, maxPending }: EvidenceRequest): Steps<number[]> {
  const bounds = [Number.MIN_SAFE_INTEGER, ...dueBounds, Number.MAX_SAFE_INTEGER];
  const counts = dueBounds.concat(Number.MAX_SAFE_INTEGER).map(
    (until, place) => sql`(SELECT count(*) FROM (SELECT 1 FROM ${table('deliveries')} d
      WHERE d.state = 0 AND d.endpoint = ${num} AND d.due_at >= ${bounds[place]!} AND d.due_at < ${until} ${limit(maxPending)}) d)`,
  );
  return ((yield* row(sql`SELECT ${joined(counts, ', ')}`)) ?? []) as number[];
}

function* readFailures(num: number, since: number): Steps<FailureCount[]> {
  const found = yield* rows(
    sql`SELECT l.class, l.type, ${sum('l.count')} FROM ${table('failures')} l
      WHERE ${counterShards('l')} AND l.endpoint = ${num} AND l.hour >= ${Math.floor(since / hourMs)}
      GROUP BY l.class, l.type ORDER BY 3 DESC, 1, 2`,
  );
  return found.map(([errorClass, eventType, count]) => ({
    errorClass: errorClass as ErrorClass,
    eventType: eventType as string,
    count: count as number,
  }));
}

/**
 * Last attempts of dead letters and of what waits for a retry: attempts alone are in no order of time. `state >= 2` is the
 * condition of the index: without it every row is read for an endpoint that has few.
 */
function* readErrors(num: number, max: number): Steps<FailedAttempt[]> {
  const waiting = (order: Sql): Sql =>
    sql`SELECT shard, number, event_number FROM (SELECT shard, number, event_number, attempts FROM ${table('deliveries')}
      WHERE state = 0 AND endpoint = ${num} ORDER BY ${order} ${limit(max)}) w WHERE attempts > 0`;
  const found = yield* rows(
    sql`SELECT ${attemptColumns}, d.number, e.id, e.type
      FROM (SELECT * FROM (SELECT shard, number, event_number FROM ${table('deliveries')}
          WHERE state >= 2 AND state = 2 AND endpoint = ${num} ORDER BY number DESC ${limit(max)}) dead
        UNION ${waiting(sql`due_at DESC`)} UNION ${waiting(sql`due_at`)}) d
      ${inOrder} ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
      ${inOrder} ${table('attempts')} a ON ${sameShard('a', 'e')}a.delivery = d.number
        AND a.n = (SELECT max(n) FROM ${table('attempts')} l WHERE ${sameShard('l', 'a')}l.delivery = a.delivery)
      WHERE a.error_class IS NOT NULL ORDER BY a.started_at DESC ${limit(max)}`,
  );
  return found.map((one) => ({
    ...attemptOf(one),
    deliveryNumber: one[12] as number,
    eventId: one[13] as string,
    eventType: one[14] as string,
  }));
}

export const endpointEvidenceListings: Cold<EndpointEvidenceReadings> = {
  endpointEvidence: snapshot(function* (request) {
    const endpoint = yield* row(sql`SELECT num FROM ${table('endpoints')} WHERE id = ${request.endpointId}`);
    if (endpoint === undefined) return null;
    const num = endpoint[0] as number;
    const waiting = yield* readWaiting(num, request);
    const total = (column: number): number => waiting.reduce((of, one) => of + (one[column] as number), 0);
    const next = waiting.flatMap((one) => (one[5] === null ? [] : [one[5] as number]));
    return {
      waiting: waiting.map((one) => ({
        tries: one[0] as number,
        count: one[1] as number,
        earliestAt: one[2] as number,
        oldestCreatedAt: one[3] as number,
      })),
      complete: total(1) < request.maxPending,
      claimed: total(4),
      due: yield* readDue(num, request),
      nextAt: next.length === 0 ? null : Math.min(...next),
      failures: yield* readFailures(num, request.failuresSince),
      errors: yield* readErrors(num, request.maxErrors),
    };
  }),
};
