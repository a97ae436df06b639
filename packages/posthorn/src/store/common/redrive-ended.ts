import { shardOfNumber } from '../../domain/ids.ts';
import { byShard } from '../by-shard.ts';
import { endCounters } from '../counter-change.ts';
import { triggers } from '../rows.ts';
import { count } from './counting.ts';
import { endpointLock, forShareOfEndpoints, inList, isAnyOf, rowsFrom, shardOf, table } from './pieces.ts';
import { raw, sql } from './sql.ts';
import { rows, session, type Steps } from './steps.ts';

/** A delivery that has ended, as it was read. */
export interface Ended {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly type: string;
}

export interface Again {
  readonly trigger: 'manual' | 'redrive';
  /** The job in bulk that does it. */
  readonly redriveId?: string;
  readonly now: number;
}

/**
 * Keeps endpoints and their version as they are until the caller's transaction ends, together with `forShareOfEndpoints` in the statement after it.
 * Where tables are distributed it does so alone: of two transactions that share a row of a reference table at once, each has one
 * lock of Citus and waits for the other's before it gets its second.
 */
export function* shareEndpoints(): Steps<void> {
  const { isDistributed } = yield* session();
  if (isDistributed) yield* rows(sql`SELECT pg_advisory_xact_lock_shared(${raw(endpointLock)})`);
}

/** Returns which of these endpoints are not deleted; they are not deleted either before the caller's transaction ends. */
export function* lockEndpoints(nums: readonly number[]): Steps<ReadonlySet<number>> {
  if (nums.length === 0) return new Set();
  yield* shareEndpoints();
  const found = yield* rows(
    sql`SELECT num FROM ${table('endpoints')} WHERE ${isAnyOf('num', nums, 'int')} AND deleted_at IS NULL ORDER BY num ${forShareOfEndpoints}`,
  );
  return new Set(found.map(([num]) => num as number));
}

/**
 * Puts ended deliveries back on the retry clock with a fresh schedule, in the caller's transaction, which has locked their
 * endpoints. Returns those that were still as they were read.
 */
export function* redriveEnded(ended: readonly Ended[], again: Again): Steps<ReadonlySet<number>> {
  const { isDistributed } = yield* session();
  const groups = isDistributed
    ? byShard(ended, ({ number }) => shardOfNumber(number))
    : [[null, ended] as const];
  const events = new Map<number, number>();
  for (const [shard, of] of groups)
    for (const [number, event] of yield* beginAgain(of, again, shard))
      events.set(number as number, event as number);
  yield* count(
    ended.flatMap(({ state, ...one }) => {
      const event = events.get(one.number);
      return event === undefined ? [] : [{ ...one, event, counter: endCounters[state]!, by: -1 as const }];
    }),
  );
  return new Set(events.keys());
}

function* beginAgain(
  ended: readonly Ended[],
  { trigger, redriveId, now }: Again,
  shard: number | null,
): Steps<readonly (readonly unknown[])[]> {
  const given = rowsFrom('n', {
    delivery: { type: 'bigint', values: ended.map(({ number }) => number) },
    former: { type: 'smallint', values: ended.map(({ state }) => state) },
  });
  const inShard = shard === null ? shardOf('d', 'n.delivery') : sql`${inList('d', shard)} AND `;
  // The claim number goes on counting: an attempt of the former schedule stays fenced off (G3).
  return yield* rows(
    sql`UPDATE ${table('deliveries')} AS d SET state = 0, due_at = ${now}, claimed_by = NULL, tries = 0, settled_at = NULL, reason = NULL,
        trigger = ${triggers.indexOf(trigger)}, redrives = redrives + 1, redrive_id = coalesce(${redriveId ?? null}, redrive_id)
      FROM ${given} WHERE ${inShard}d.number = n.delivery AND d.state = n.former RETURNING number, event_number`,
  );
}
