import type { ErrorClass } from '../../domain/attempt.ts';
import { hourMs } from '../../domain/time.ts';
import type { EndpointEvidence, EvidenceRequest, FailedAttempt } from '../endpoint-evidence.ts';
import { attemptOf } from '../rows.ts';
import type { Connection, Database } from './database.ts';

const counted = ({ oneShard }: Connection): string => (oneShard ? 'l.shard BETWEEN 0 AND 63' : 'l.shard = 0');

export async function readEndpointEvidence(
  db: Database,
  request: EvidenceRequest,
): Promise<EndpointEvidence | null> {
  const { endpointId, now, maxPending } = request;
  return await db.snapshot(async (connection) => {
    const [found] = await connection.query(
      'evidence_of',
      'SELECT num FROM posthorn.endpoints WHERE id = $1',
      [endpointId],
    );
    if (found === undefined) return null;
    const num = found[0] as number;
    const waiting = await connection.query(
      'evidence_waiting',
      `SELECT tries, count(*), min(CASE WHEN claimed_by IS NOT NULL THEN $2 ELSE greatest(due_at, $2) END), min(created_at),
         count(claimed_by), min(due_at) FILTER (WHERE claimed_by IS NULL)
       FROM (SELECT tries, due_at, created_at, claimed_by FROM posthorn.deliveries WHERE state = 0 AND endpoint = $1
         ORDER BY due_at LIMIT $3) d GROUP BY tries ORDER BY tries`,
      [num, now, maxPending],
    );
    const bounds = [0, ...request.dueBounds, Number.MAX_SAFE_INTEGER];
    const due = await connection.query(
      'evidence_due',
      `SELECT r.ord, (SELECT count(*) FROM (SELECT FROM posthorn.deliveries WHERE state = 0 AND endpoint = $1 AND due_at >= r.since
           AND due_at < r.until LIMIT $4) d)
       FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS r (since, until, ord) ORDER BY r.ord`,
      [num, bounds.slice(0, -1), bounds.slice(1), maxPending],
    );
    const failures = await connection.query(
      'evidence_failures',
      `SELECT l.class, l.type, sum(l.count)::bigint FROM posthorn.failures l
       WHERE ${counted(connection)} AND l.endpoint = $1 AND l.hour >= $2 GROUP BY l.class, l.type ORDER BY 3 DESC, 1, 2`,
      [num, Math.floor(request.failuresSince / hourMs)],
    );
    const total = (column: number): number => waiting.reduce((sum, row) => sum + (row[column] as number), 0);
    const next = waiting.flatMap((row) => (row[5] === null ? [] : [row[5] as number]));
    return {
      waiting: waiting.map((row) => ({
        tries: row[0] as number,
        count: row[1] as number,
        earliestAt: row[2] as number,
        oldestCreatedAt: row[3] as number,
      })),
      complete: total(1) < maxPending,
      claimed: total(4),
      due: due.map((row) => row[1] as number),
      nextAt: next.length === 0 ? null : Math.min(...next),
      failures: failures.map(([errorClass, eventType, count]) => ({
        errorClass: errorClass as ErrorClass,
        eventType: eventType as string,
        count: count as number,
      })),
      errors: await readErrors(connection, num, request.maxErrors),
    };
  });
}

/** Last attempts of dead letters and of what waits for a retry: attempts alone are in no order of time. */
async function readErrors(connection: Connection, num: number, limit: number): Promise<FailedAttempt[]> {
  const rows = await connection.query(
    'evidence_errors',
    `SELECT a.n, a.started_at, a.duration_ms, a.status_code, a.outcome, a.error_class, a.message, a.response_excerpt, a.trigger,
       a.node, a.lease_until, a.wire, d.number, e.id, e.type
     FROM (
       (SELECT shard, number, event_number FROM posthorn.deliveries WHERE state = 2 AND endpoint = $1 ORDER BY number DESC LIMIT $2)
       UNION (SELECT shard, number, event_number FROM posthorn.deliveries WHERE state = 0 AND endpoint = $1 AND attempts > 0
         ORDER BY due_at DESC LIMIT $2)
       UNION (SELECT shard, number, event_number FROM posthorn.deliveries WHERE state = 0 AND endpoint = $1 AND attempts > 0
         ORDER BY due_at LIMIT $2)) d
     JOIN posthorn.events e ON e.shard = d.shard AND e.number = d.event_number
     CROSS JOIN LATERAL (SELECT * FROM posthorn.attempts a WHERE a.shard = d.shard AND a.delivery = d.number ORDER BY a.n DESC LIMIT 1) a
     WHERE a.error_class IS NOT NULL ORDER BY a.started_at DESC LIMIT $2`,
    [num, limit],
  );
  return rows.map((row) => ({
    ...attemptOf(row),
    deliveryNumber: row[12] as number,
    eventId: row[13] as string,
    eventType: row[14] as string,
  }));
}
