import type { Failing } from '../../domain/failing.ts';
import type { FailingChange, FailureLookups, FailureWrites } from '../failures.ts';
import { clockSlackMs } from '../rows.ts';
import { type Cold, separately, transaction } from './methods.ts';
import { counterShards } from './counters.ts';
import { isAnyOf, jsonText, rowsFrom, table, updateEndpoints } from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { changes, row, rows, session, type Steps } from './steps.ts';

/** How many deliveries to an endpoint the ledger counts as delivered. */
const deliveredTo = (
  num: Sql,
): Sql => sql`(SELECT coalesce(CAST(sum(l.delivered) AS bigint), 0) FROM ${table('ledger')} l
  WHERE ${counterShards('l')} AND l.endpoint = ${num})`;

/**
 * What was delivered to endpoints that begin to fail, by id. A change of a reference table cannot read a distributed one, so where
 * tables are distributed it is read before: what is delivered in between counts as later, and ends the failing.
 */
function* deliveredBefore(failing: readonly FailingChange[]): Steps<ReadonlyMap<string, number>> {
  const ids = failing.filter((change) => change.failing !== null).map(({ endpointId }) => endpointId);
  if (!(yield* session()).isDistributed || ids.length === 0) return new Map();
  const found = yield* rows(
    sql`SELECT e.id, CAST(sum(l.delivered) AS bigint) FROM ${table('endpoints')} e JOIN ${table('ledger')} l ON l.endpoint = e.num
      WHERE ${isAnyOf('e.id', ids, 'text')} AND e.failing_since IS NULL GROUP BY e.id`,
  );
  return new Map(found as [string, number][]);
}

/** Writes at most one change for each endpoint. A success that lies in the future is of a clock that was wrong. */
function* saveChanges(failing: readonly FailingChange[]): Steps<void> {
  const before = yield* deliveredBefore(failing);
  const given = rowsFrom('c', {
    id: { type: 'text', values: failing.map(({ endpointId }) => endpointId) },
    url: { type: 'text', values: failing.map(({ url }) => url) },
    since: { type: 'bigint', values: failing.map((change) => change.failing?.since ?? null) },
    failures: { type: 'int', values: failing.map((change) => change.failing?.count ?? null) },
    at: { type: 'bigint', values: failing.map(({ at }) => at) },
    delivered: { type: 'bigint', values: failing.map(({ endpointId }) => before.get(endpointId) ?? 0) },
  });
  const counts = sql`e.id = c.id AND ${jsonText('e.document', 'url')} = c.url
    AND (c.since IS NULL OR (${jsonText('e.document', 'disableAfterMs')} IS NOT NULL
      AND (coalesce(e.failing_after, c.since) <= c.since OR e.failing_after > c.at + ${raw(String(clockSlackMs))})))`;
  const deliveredNow = per(({ isDistributed }) =>
    isDistributed ? raw('c.delivered') : deliveredTo(raw('e.num')),
  );
  yield* changes(
    updateEndpoints(
      given,
      counts,
      sql`failing_since = CASE WHEN c.since IS NULL THEN CASE WHEN e.failing_since > c.at THEN e.failing_since END
          WHEN e.failing_since < c.since THEN e.failing_since ELSE c.since END,
        failing_count = CASE WHEN c.since IS NULL THEN CASE WHEN e.failing_since > c.at THEN e.failing_count ELSE 0 END
          WHEN e.failing_count > c.failures THEN e.failing_count ELSE c.failures END,
        failing_delivered = CASE WHEN c.since IS NOT NULL AND e.failing_since IS NULL THEN ${deliveredNow} ELSE e.failing_delivered END,
        failing_after = CASE WHEN c.since IS NULL AND (e.failing_after IS NULL OR e.failing_after < c.at) THEN c.at ELSE e.failing_after END`,
    ),
  );
}

export const failureWrites: Cold<Omit<FailureWrites, 'pauseFailing'>> = {
  saveFailing: transaction(saveChanges),
};

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
    sql`SELECT num, failing_since, failing_count, failing_delivered FROM ${table('endpoints')} WHERE id = ${change.endpointId}`,
  );
  const [num, since, count, before] = (found ?? [0, null, 0, 0]) as [number, number | null, number, number];
  if (since === null) return null;
  const [sum] = (yield* row(sql`SELECT ${deliveredTo(sql`${num}`)}`)) as [number];
  if (sum <= before) return { since, count };
  yield* resetFailing(change.endpointId, change.at);
  return null;
}
