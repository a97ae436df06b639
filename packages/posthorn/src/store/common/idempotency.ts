import type { Rebase } from '../clockwork.ts';
import { expiredStamps, type KeyedRequestWrites } from '../idempotency.ts';
import { alone, type Cold, transaction } from './methods.ts';
import { limit as limited, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, type Steps } from './steps.ts';
import { refuseFormerTime } from './time.ts';

const requests = table('idempotency_keys');

/** A run begins on each database in its own way: many begin at once. */
export const keyedRequestWrites: Cold<Omit<KeyedRequestWrites, 'beginKeyedRequest'>> = {
  extendKeyedRequest: alone(function* ({ id, token }, leaseUntil) {
    const extended = yield* changes(
      sql`UPDATE ${requests} SET lease_until = ${leaseUntil} WHERE id = ${id} AND token = ${token} AND lease_until IS NOT NULL`,
    );
    return extended > 0;
  }),

  finishKeyedRequest: alone(function* ({ id, token }, answer) {
    const finished = yield* changes(
      sql`UPDATE ${requests} SET lease_until = NULL, answer = ${answer}, bytes = ${answer?.length ?? 0}
        WHERE id = ${id} AND token = ${token} AND lease_until IS NOT NULL`,
    );
    return finished > 0;
  }),

  abandonKeyedRequest: alone(function* ({ id, token }) {
    yield* changes(
      sql`DELETE FROM ${requests} WHERE id = ${id} AND token = ${token} AND lease_until IS NOT NULL`,
    );
  }),

  pruneKeyedRequests: transaction(function* (ages, limit) {
    const { from, before } = expiredStamps(ages);
    // One of a clock that was ahead: kept for as long as a new one.
    yield* changes(sql`UPDATE ${requests} SET at = ${ages.now} WHERE at > ${ages.now}`);
    const isOld = sql`at >= ${from} AND at < ${before} AND (lease_until IS NULL OR lease_until <= ${ages.now})`;
    // Asked again of each row, because one may have been begun anew since it was found.
    const deleted = yield* changes(
      sql`DELETE FROM ${requests} WHERE ${isOld} AND id IN (SELECT id FROM ${requests} WHERE ${isOld} ORDER BY at ${limited(limit)})`,
    );
    yield* refuseFormerTime(ages);
    return deleted;
  }),

  boundKeyedRequests: transaction(function* (caller, { maxRows, maxBytes }, limit) {
    const size = yield* row(
      sql`SELECT count(*), coalesce(sum(bytes), 0) FROM ${requests} WHERE caller = ${caller}`,
    );
    const [rows, bytes] = size as [number, number];
    if (rows <= maxRows && bytes <= maxBytes) return 0;
    return yield* changes(
      sql`DELETE FROM ${requests} WHERE lease_until IS NULL AND id IN (
        SELECT id FROM (
          SELECT id, row_number() OVER oldest AS place, sum(bytes) OVER oldest - bytes AS bytes_before FROM (
            SELECT id, at, bytes FROM ${requests} WHERE caller = ${caller} AND lease_until IS NULL ORDER BY at, id ${limited(limit)}) AS first
          WINDOW oldest AS (ORDER BY at, id ROWS UNBOUNDED PRECEDING)
        ) AS placed WHERE place <= ${rows - maxRows} OR bytes_before < ${bytes - maxBytes})`,
    );
  }),
};

/** Leases keep the time that they have left when the clock jumps. The caller holds the transaction. */
export function* moveKeyedLeases({ now, byMs, beyondMs = 0 }: Rebase): Steps<void> {
  const by = sql`CAST(${byMs} AS bigint)`;
  if (byMs > 0)
    yield* changes(
      sql`UPDATE ${requests} SET lease_until = lease_until + ${by} WHERE lease_until > ${now - byMs}`,
    );
  else
    yield* changes(
      sql`UPDATE ${requests} SET lease_until = CASE WHEN lease_until + ${by} > ${now} THEN lease_until + ${by} ELSE ${now} END
        WHERE lease_until > ${now + beyondMs}`,
    );
}
