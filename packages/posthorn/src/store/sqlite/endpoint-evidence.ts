import type { ErrorClass } from '../../domain/attempt.ts';
import { hourMs } from '../../domain/time.ts';
import type { EndpointEvidence, EvidenceRequest, FailedAttempt } from '../endpoint-evidence.ts';
import { attemptOf } from '../rows.ts';
import type { Database } from './database.ts';

export function readEndpointEvidence(db: Database, request: EvidenceRequest): EndpointEvidence | null {
  const { endpointId, now, maxPending } = request;
  return db.snapshot(() => {
    const num = db.get('SELECT num FROM endpoints WHERE id = ?', endpointId)?.[0];
    if (num === undefined) return null;
    const waiting = db
      .all(
        `SELECT tries, count(*), min(iif(claimed_by IS NOT NULL, ?2, max(due_at, ?2))), min(created_at), count(claimed_by) FROM (
           SELECT tries, due_at, created_at, claimed_by FROM deliveries WHERE state = 0 AND endpoint = ?1 ORDER BY due_at LIMIT +?3)
         GROUP BY tries ORDER BY tries`,
        num,
        now,
        maxPending,
      )
      .map((row) => ({
        tries: row[0] as number,
        count: row[1] as number,
        earliestAt: row[2] as number,
        oldestCreatedAt: row[3] as number,
        claimed: row[4] as number,
      }));
    const nextAt = db.get(
      `SELECT due_at FROM (SELECT due_at, claimed_by FROM deliveries WHERE state = 0 AND endpoint = ?1 ORDER BY due_at LIMIT +?2)
       WHERE claimed_by IS NULL ORDER BY due_at LIMIT 1`,
      num,
      maxPending,
    )?.[0];
    const bounds = [Number.MIN_SAFE_INTEGER, ...request.dueBounds, Number.MAX_SAFE_INTEGER];
    const due = bounds
      .slice(0, -1)
      .map(
        (from, index) =>
          db.get(
            'SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 0 AND endpoint = ? AND due_at >= ? AND due_at < ? LIMIT +?)',
            num,
            from,
            bounds[index + 1]!,
            maxPending,
          )![0] as number,
      );
    const failures = db
      .all(
        `SELECT class, type, sum(count) FROM failures WHERE shard = 0 AND endpoint = ? AND hour >= ?
         GROUP BY class, type ORDER BY 3 DESC, 1, 2`,
        num,
        Math.floor(request.failuresSince / hourMs),
      )
      .map(([errorClass, eventType, count]) => ({
        errorClass: errorClass as ErrorClass,
        eventType: eventType as string,
        count: count as number,
      }));
    return {
      waiting: waiting.map(({ tries, count, earliestAt, oldestCreatedAt }) => ({
        tries,
        count,
        earliestAt,
        oldestCreatedAt,
      })),
      complete: waiting.reduce((sum, { count }) => sum + count, 0) < maxPending,
      claimed: waiting.reduce((sum, { claimed }) => sum + claimed, 0),
      due,
      nextAt: (nextAt ?? null) as number | null,
      failures,
      errors: readErrors(db, num as number, request.maxErrors),
    };
  });
}

/**
 * Last attempts of dead letters and of what waits for a retry: attempts alone are in no order of time. `state >= 2` is the
 * condition of the index: without it every row is read for an endpoint that has few.
 */
function readErrors(db: Database, num: number, limit: number): FailedAttempt[] {
  return db
    .all(
      `SELECT a.n, a.started_at, a.duration_ms, a.status_code, a.outcome, a.error_class, a.message, a.response_excerpt, a.trigger,
         a.node, a.lease_until, a.wire, d.number, e.id, e.type
       FROM (SELECT * FROM (SELECT number, event_number FROM deliveries
           WHERE state >= 2 AND state = 2 AND endpoint = ?1 ORDER BY number DESC LIMIT +?2)
         UNION ALL SELECT number, event_number FROM (SELECT number, event_number, attempts FROM deliveries
           WHERE state = 0 AND endpoint = ?1 ORDER BY due_at DESC LIMIT +?2) WHERE attempts > 0
         UNION ALL SELECT number, event_number FROM (SELECT number, event_number, attempts FROM deliveries
           WHERE state = 0 AND endpoint = ?1 ORDER BY due_at LIMIT +?2) WHERE attempts > 0) d
       CROSS JOIN events e ON e.number = d.event_number
       CROSS JOIN attempts a ON a.delivery = d.number AND a.n = (SELECT max(n) FROM attempts WHERE delivery = d.number)
       WHERE a.error_class IS NOT NULL GROUP BY d.number ORDER BY a.started_at DESC LIMIT +?2`,
      num,
      limit,
    )
    .map((row) => ({
      ...attemptOf(row),
      deliveryNumber: row[12] as number,
      eventId: row[13] as string,
      eventType: row[14] as string,
    }));
}
