import type { Failing } from '../../domain/failing.ts';
import type { FailingChange, FailureLookups, FailureWrites } from '../failures.ts';
import { clockSlackMs } from '../rows.ts';
import { alone, type Cold, separately } from './methods.ts';
import { counterShards } from './counters.ts';
import { forUpdate, jsonText, rowsFrom, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

const delivered = sql`(SELECT coalesce(CAST(sum(l.delivered) AS bigint), 0) FROM ${table('ledger')} l
  WHERE ${counterShards('l')} AND l.endpoint = e.num)`;

/**
 * Writes at most one change for each endpoint. Rows are locked in one order on every node, so that two writers never wait for each
 * other in a circle. A success that lies in the future is of a clock that was wrong.
 */
function* saveChanges(failing: readonly FailingChange[]): Steps<void> {
  const given = rowsFrom('f', {
    id: { type: 'text', values: failing.map(({ endpointId }) => endpointId) },
    url: { type: 'text', values: failing.map(({ url }) => url) },
    since: { type: 'bigint', values: failing.map((change) => change.failing?.since ?? null) },
    failures: { type: 'int', values: failing.map((change) => change.failing?.count ?? null) },
    at: { type: 'bigint', values: failing.map(({ at }) => at) },
  });
  yield* changes(
    sql`WITH c AS MATERIALIZED (SELECT e.num, f.* FROM ${given} CROSS JOIN ${table('endpoints')} e
        WHERE e.id = f.id AND ${jsonText('e.document', 'url')} = f.url
          AND (f.since IS NULL OR (${jsonText('e.document', 'disableAfterMs')} IS NOT NULL
            AND (coalesce(e.failing_after, f.since) <= f.since OR e.failing_after > f.at + ${raw(String(clockSlackMs))})))
        ORDER BY e.num ${forUpdate('e')})
      UPDATE ${table('endpoints')} AS e SET
        failing_since = CASE WHEN c.since IS NULL THEN CASE WHEN e.failing_since > c.at THEN e.failing_since END
          WHEN e.failing_since < c.since THEN e.failing_since ELSE c.since END,
        failing_count = CASE WHEN c.since IS NULL THEN CASE WHEN e.failing_since > c.at THEN e.failing_count ELSE 0 END
          WHEN e.failing_count > c.failures THEN e.failing_count ELSE c.failures END,
        failing_delivered = CASE WHEN c.since IS NOT NULL AND e.failing_since IS NULL THEN ${delivered} ELSE e.failing_delivered END,
        failing_after = CASE WHEN c.since IS NULL AND (e.failing_after IS NULL OR e.failing_after < c.at) THEN c.at ELSE e.failing_after END
      FROM c WHERE e.num = c.num`,
  );
}

export const failureWrites: Cold<Omit<FailureWrites, 'pauseFailing'>> = { saveFailing: alone(saveChanges) };

export const failureLookups: Cold<FailureLookups> = {
  failingEndpoints: separately(function* () {
    const found = yield* rows(
      sql`SELECT id, failing_since, failing_count FROM ${table('endpoints')} WHERE failing_since IS NOT NULL AND deleted_at IS NULL`,
    );
    return found.map(([endpointId, since, count]) => ({
      endpointId: endpointId as string,
      since: since as number,
      count: count as number,
    }));
  }),
};

/** What was counted ends: the endpoint begins anew, or its failures are counted no longer. The caller holds the transaction. */
export function* resetFailing(id: string, now: number): Steps<void> {
  yield* changes(
    sql`UPDATE ${table('endpoints')} SET failing_since = NULL, failing_count = 0, failing_after = ${now} WHERE id = ${id}`,
  );
}

/**
 * Records a change in the caller's transaction, and returns what the row says then. Null if anything was delivered since, which a
 * node may not have lived to record: the counters of the ledger have it in the transaction of its outcome.
 */
export function* failingWith(change: FailingChange): Steps<Failing | null> {
  yield* saveChanges([change]);
  const found = yield* row(
    sql`SELECT e.failing_since, e.failing_count, CASE WHEN ${delivered} > e.failing_delivered THEN 1 ELSE 0 END
      FROM ${table('endpoints')} e WHERE e.id = ${change.endpointId}`,
  );
  const [since, count, hasDelivered] = (found ?? [null, 0, 0]) as [number | null, number, number];
  if (since === null) return null;
  if (hasDelivered === 0) return { since, count };
  yield* resetFailing(change.endpointId, change.at);
  return null;
}
