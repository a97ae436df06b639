import type { ClockWrites, Rebase } from '../clockwork.ts';
import { moveKeyedLeases } from './idempotency.ts';
import { type Cold, transaction } from './methods.ts';
import { inList, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, session, type Steps } from './steps.ts';

/** The name of the setting that holds the record. */
export const clockSetting = 'clock';

const endpoints = table('endpoints');

/** A statement for each shard: none takes longer than a statement may, and on distributed tables each names its shard. */
function* moveDeliveries({ now, byMs, beyondMs = 0 }: Rebase): Steps<void> {
  const moved = sql`due_at + CAST(${byMs} AS bigint)`;
  const { lists } = yield* session();
  for (let list = 0; list < lists; list++) {
    const isHere = inList('d', list);
    if (byMs > 0)
      yield* changes(
        sql`UPDATE ${table('deliveries')} AS d SET due_at = ${moved}
          WHERE state = 0 AND ${isHere} AND claimed_by IS NOT NULL AND due_at > ${now - byMs}`,
      );
    else
      yield* changes(
        sql`UPDATE ${table('deliveries')} AS d SET due_at = CASE WHEN ${moved} > ${now} THEN ${moved} ELSE ${now} END
          WHERE state = 0 AND ${isHere} AND due_at > ${now + beyondMs}`,
      );
  }
}

function* moveEndpoints({ now, byMs }: Rebase): Steps<void> {
  const by = sql`CAST(${byMs} AS bigint)`;
  // What a leap has not lived through is not a failure.
  if (byMs > 0)
    yield* changes(
      sql`UPDATE ${endpoints} SET failing_since = failing_since + ${by}, failing_after = failing_after + ${by} WHERE failing_since IS NOT NULL`,
    );
  else {
    yield* changes(sql`UPDATE ${endpoints} SET failing_since = ${now} WHERE failing_since > ${now}`);
    yield* changes(sql`UPDATE ${endpoints} SET failing_after = ${now} WHERE failing_after > ${now}`);
    yield* changes(
      sql`UPDATE ${endpoints} SET breaker_at = ${now}, breaker_open_since = CASE WHEN breaker_open_since > ${now} THEN ${now}
        ELSE breaker_open_since END WHERE breaker_at > ${now}`,
    );
  }
  yield* changes(
    sql`UPDATE ${endpoints} SET throttled_until = NULL, throttled_at = ${now} WHERE throttled_at > ${now}`,
  );
}

/** Replaces the record; of two nodes that replace the same one, one does. */
function* replaceRecord(expected: string | null, text: string): Steps<boolean> {
  const written =
    expected === null
      ? sql`INSERT INTO ${table('settings')} (name, value) VALUES (${clockSetting}, ${text}) ON CONFLICT (name) DO NOTHING`
      : sql`UPDATE ${table('settings')} SET value = ${text} WHERE name = ${clockSetting} AND value = ${expected}`;
  return (yield* changes(written)) > 0;
}

export const clockWrites: Cold<ClockWrites> = {
  saveClock: transaction(function* ({ expected, text, rebase }) {
    if (!(yield* replaceRecord(expected, text))) return false;
    if (rebase === null) return true;
    yield* moveDeliveries(rebase);
    yield* moveEndpoints(rebase);
    yield* moveKeyedLeases(rebase);
    return true;
  }),
};
