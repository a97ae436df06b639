import type { AuditEntry } from '../../domain/audit-entry.ts';
import { amendRedrive, beginStep, endStep, recordRedrive } from '../common/redrives.ts';
import { type Found, matchFrom, redriveReads, takeFrom } from '../redrives.ts';
import type {
  BulkRequest,
  NewRedrive,
  RedriveCursor,
  RedriveMatchPage,
  RedriveRecord,
  RedriveStep,
} from '../store.ts';
import { notifyDue } from './accept.ts';
import { perform } from './common.ts';
import type { Connection, Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { lockEndpoints, redriveEnded } from './redrive-ended.ts';
import { bounded, cursorOf, targetOf, walk } from './redrive-walk.ts';
import { replayFound } from './replay-found.ts';

/** A migration: who began a job, replays beside redrives, and which deliveries are whose. */
export const bulkJobs = `
  ALTER TABLE posthorn.redrives ADD COLUMN kind text NOT NULL DEFAULT 'redrive', ADD COLUMN target text, ADD COLUMN actor json,
    ADD COLUMN stop_reason text, ADD COLUMN first_sent json;
  UPDATE posthorn.redrives SET stop_reason = 'asked' WHERE state = 'stopped';
  ALTER TABLE posthorn.deliveries ADD COLUMN redrive_id text;
  CREATE INDEX deliveries_redrive ON posthorn.deliveries (redrive_id, state) WHERE redrive_id IS NOT NULL;
`;

/** A migration: what a job need not read, because it is older than its window; its deliveries in the order of their numbers. */
export const bulkWindows = `
  ALTER TABLE posthorn.redrives ADD COLUMN first_number bigint NOT NULL DEFAULT 0;
  DROP INDEX posthorn.deliveries_redrive;
  CREATE INDEX deliveries_redrive ON posthorn.deliveries (redrive_id, state, number) WHERE redrive_id IS NOT NULL;
`;

export async function countRedrive(
  db: Database,
  endpoints: EndpointTable,
  request: BulkRequest,
  from: RedriveCursor | null,
  limit: number,
): Promise<RedriveMatchPage> {
  const known = await targetOf(endpoints, request);
  return matchFrom(await walk(db, known, await bounded(db, request), from, limit));
}

export async function createRedrive(
  db: Database,
  redrive: NewRedrive,
  audit: AuditEntry | null,
): Promise<RedriveRecord> {
  const created = await db.transaction(async (connection) => {
    const { belowNumber } = await bounded(connection, redrive);
    return await perform(connection, recordRedrive(redrive, belowNumber, audit));
  });
  // The coordinator looks for new work, wherever it runs.
  if (created.state === 'running') await notifyDue(db, []);
  return created;
}

export async function changeRedrive(
  db: Database,
  id: string,
  change: Parameters<typeof amendRedrive>[1],
  audit: AuditEntry | null,
): Promise<RedriveRecord | 'not_found' | 'ended'> {
  const changed = await db.transaction((connection) => perform(connection, amendRedrive(id, change, audit)));
  if (typeof changed !== 'string') await notifyDue(db, []);
  return changed;
}

/** Does what the job does to what it has found; answers the deliveries that are due now. */
async function takeAll(
  connection: Connection,
  job: RedriveRecord,
  found: readonly Found[],
  now: number,
): Promise<readonly number[]> {
  if (job.kind === 'replay') return await replayFound(connection, found, job.id, now);
  // Deleted since it was read: skipped as well.
  const live = await lockEndpoints(connection, [...new Set(found.map(({ endpoint }) => endpoint))]);
  const chosen = found.filter(({ endpoint }) => live.has(endpoint));
  const again = { trigger: 'redrive', redriveId: job.id, now } as const;
  return [...(await redriveEnded(connection, chosen, again))];
}

export async function stepRedrive(
  db: Database,
  endpoints: EndpointTable,
  id: string,
  limit: number,
  now: number,
): Promise<RedriveStep> {
  const answer = await db.transaction(async (connection) => {
    const step = await perform(connection, beginStep(id, limit, now));
    if ('answer' in step) return step.answer;
    const { job, from, plan } = step;
    const known = await targetOf(endpoints, job);
    const rows = await walk(connection, known, job, from, redriveReads);
    const found = takeFrom(rows, plan.limit, cursorOf(job));
    const numbers = await takeAll(connection, job, found.redrive, now);
    return await perform(connection, endStep(step, found, numbers, now));
  });
  if (answer.endpointIds.length > 0) await notifyDue(db, answer.endpointIds);
  return answer;
}
