import { shardOfNumber } from '../../domain/ids.ts';
import { triggers } from '../rows.ts';
import type { Connection } from './database.ts';
import { endStates, writeLedger } from './ledger.ts';
import { atRiskStates } from '../worth.ts';
import { writeWorth } from './worth.ts';

/** A delivery that has ended. */
interface Ended {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly type: string;
}

/** Which of these endpoints are not deleted; they are not deleted either before the caller's transaction ends. */
export async function lockEndpoints(
  connection: Connection,
  nums: readonly number[],
): Promise<ReadonlySet<number>> {
  if (nums.length === 0) return new Set();
  const rows = await connection.query(
    'endpoints_share',
    'SELECT num FROM posthorn.endpoints WHERE num = ANY ($1::int[]) AND deleted_at IS NULL ORDER BY num FOR SHARE',
    [nums],
  );
  return new Set(rows.map(([num]) => num as number));
}

export interface Again {
  readonly trigger: 'manual' | 'redrive';
  /** The job in bulk that does it. */
  readonly redriveId?: string;
  readonly now: number;
}

/**
 * Puts ended deliveries back on the retry clock with a fresh schedule, in the caller's transaction, which has locked their
 * endpoints. Answers those that were still as they were read.
 */
export async function redriveEnded(
  connection: Connection,
  ended: readonly Ended[],
  { trigger, redriveId, now }: Again,
): Promise<ReadonlySet<number>> {
  const redriven = new Set<number>();
  const events = new Map<number, number>();
  const groups = connection.oneShard
    ? [...Map.groupBy(ended, ({ number }) => shardOfNumber(number))].toSorted(([a], [b]) => a - b)
    : [[null, ended] as const];
  for (const [shard, of] of groups) {
    // The claim number goes on counting: an attempt of the former schedule stays fenced off (G3).
    const rows = await connection.query(
      shard === null ? 'redrive_again' : 'redrive_again_one',
      `UPDATE posthorn.deliveries d SET state = 0, due_at = $3, claimed_by = NULL, tries = 0, settled_at = NULL, reason = NULL,
         trigger = $4, redrives = redrives + 1, redrive_id = coalesce($5::text, redrive_id)
       FROM unnest($1::bigint[], $2::smallint[]) AS n (number, state)
       WHERE d.shard = ${shard === null ? '(n.number & 63)::smallint' : '$6::smallint'} AND d.number = n.number AND d.state = n.state
       RETURNING d.number, d.event_number`,
      [
        of.map(({ number }) => number),
        of.map(({ state }) => state),
        now,
        triggers.indexOf(trigger),
        redriveId ?? null,
        ...(shard === null ? [] : [shard]),
      ],
    );
    for (const [number, event] of rows as number[][]) {
      redriven.add(number!);
      events.set(number!, event!);
    }
  }
  await writeLedger(
    connection,
    '',
    ended
      .filter(({ number }) => redriven.has(number))
      .map(({ endpoint, createdAt, type, state }) => ({
        endpoint,
        createdAt,
        type,
        [endStates[state]!]: -1,
      })),
  );
  await writeWorth(
    connection,
    ended.flatMap(({ number, endpoint, createdAt, state: before }) => {
      const state = atRiskStates[before]!;
      const event = events.get(number);
      return state === null || event === undefined ? [] : [{ event, endpoint, createdAt, state, by: -1 }];
    }),
  );
  return redriven;
}
