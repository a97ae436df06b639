import { shardOfNumber } from '../../domain/ids.ts';
import { cursorOf, walk } from '../common/bulk-walk.ts';
import { lockEndpoints, redriveEnded } from '../common/redrive-ended.ts';
import { beginStep, endStep } from '../common/redrives.ts';
import { type Found, redriveReads, takeFrom } from '../redrives.ts';
import type { RedriveRecord, RedriveStep } from '../store.ts';
import { perform } from './common.ts';
import type { Connection, Database } from './database.ts';
import { inShards } from './in-shards.ts';
import { notifyDue } from './notify-due.ts';
import { replayFound } from './replay-found.ts';

/** Returns which of these events have data, which are not deleted either before the caller's transaction ends. */
async function lockSendable(
  connection: Connection,
  numbers: readonly number[],
): Promise<ReadonlySet<number>> {
  const rows = await inShards(connection, numbers, shardOfNumber, (of) =>
    connection.query(
      'redrive_events',
      `SELECT e.number FROM posthorn.events e
       WHERE e.shard = ANY ($2::smallint[]) AND e.number = ANY ($1::bigint[]) AND e.data_deleted_at IS NULL
       ORDER BY e.shard, e.number FOR SHARE`,
      [of, [...new Set(of.map(shardOfNumber))]],
    ),
  );
  return new Set(rows.map(([number]) => number as number));
}

/** Does what the job does to what it has found; answers the deliveries that are due now. */
async function takeAll(
  connection: Connection,
  job: RedriveRecord,
  found: readonly Found[],
  now: number,
): Promise<readonly number[]> {
  if (job.kind === 'replay') return await replayFound(connection, found, job.id, now);
  // Deleted since they were read: skipped as well.
  const live = await perform(connection, lockEndpoints([...new Set(found.map(({ endpoint }) => endpoint))]));
  const sendable = await lockSendable(connection, [...new Set(found.map(({ eventNumber }) => eventNumber))]);
  const chosen = found.filter(({ endpoint, eventNumber }) => live.has(endpoint) && sendable.has(eventNumber));
  const again = { trigger: 'redrive', redriveId: job.id, now } as const;
  return [...(await perform(connection, redriveEnded(chosen, again)))];
}

export async function stepRedrive(
  db: Database,
  id: string,
  limit: number,
  now: number,
): Promise<RedriveStep> {
  const answer = await db.transaction(async (connection) => {
    const step = await perform(connection, beginStep(id, limit, now));
    if ('answer' in step) return step.answer;
    const { job, from, plan } = step;
    const rows = await perform(connection, walk(job, from, redriveReads));
    const found = takeFrom(rows, plan.limit, await perform(connection, cursorOf(job)));
    const numbers = await takeAll(connection, job, found.redrive, now);
    return await perform(connection, endStep(step, found, numbers, now));
  });
  if (answer.endpointIds.length > 0) await notifyDue(db, answer.endpointIds);
  return answer;
}
