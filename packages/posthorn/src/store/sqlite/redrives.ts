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
import { perform } from './common.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import { redriveEnded } from './redrive-ended.ts';
import { bounded, cursorOf, walk } from './redrive-walk.ts';
import { replayFound, type ReplayPlace } from './replay.ts';
import type { Sequences } from './sequences.ts';

/** A migration: who began a job, replays beside redrives, and which deliveries are whose. */
export const bulkJobs = `
  ALTER TABLE redrives ADD COLUMN kind TEXT NOT NULL DEFAULT 'redrive';
  -- The endpoint of a replay to one.
  ALTER TABLE redrives ADD COLUMN target TEXT;
  ALTER TABLE redrives ADD COLUMN actor TEXT;
  ALTER TABLE redrives ADD COLUMN stop_reason TEXT;
  UPDATE redrives SET stop_reason = 'asked' WHERE state = 'stopped';
  -- The first deliveries, while the job waits for their outcomes (store/first-sent.ts).
  ALTER TABLE redrives ADD COLUMN first_sent TEXT;
  -- The last job that took it.
  ALTER TABLE deliveries ADD COLUMN redrive_id TEXT;
  CREATE INDEX deliveries_redrive ON deliveries (redrive_id, state) WHERE redrive_id IS NOT NULL;
`;

/** A migration: what a job need not read, because it is older than its window. */
export const bulkWindows = 'ALTER TABLE redrives ADD COLUMN first_number INTEGER NOT NULL DEFAULT 0;';

export function countRedrive(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  request: BulkRequest,
  from: RedriveCursor | null,
  limit: number,
): RedriveMatchPage {
  return matchFrom(walk(db, endpoints, bounded(request, sequences), from, limit));
}

export function createRedrive(
  db: Database,
  sequences: Sequences,
  redrive: NewRedrive,
  audit: AuditEntry | null,
): RedriveRecord {
  return db.transaction(() =>
    perform(db, recordRedrive(redrive, bounded(redrive, sequences).belowNumber, audit)),
  );
}

export function changeRedrive(
  db: Database,
  id: string,
  change: Parameters<typeof amendRedrive>[1],
  audit: AuditEntry | null,
): RedriveRecord | 'not_found' | 'ended' {
  return db.transaction(() => perform(db, amendRedrive(id, change, audit)));
}

/** Does what the job does to what it has found; answers the deliveries that are due now. */
function takeAll(
  db: Database,
  place: ReplayPlace,
  job: RedriveRecord,
  found: readonly Found[],
): readonly number[] {
  return found.flatMap((row): number | readonly number[] => {
    if (job.kind === 'replay') return replayFound(db, place, row, job.id) ?? [];
    redriveEnded(db, place.ledger, row, { trigger: 'redrive', redriveId: job.id, now: place.now });
    return row.number;
  });
}

interface StepPlace {
  readonly endpoints: EndpointTable;
  readonly sequences: Sequences;
}

export function stepRedrive(
  db: Database,
  { endpoints, sequences }: StepPlace,
  id: string,
  limit: number,
  now: number,
): RedriveStep {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const step = perform(db, beginStep(id, limit, now));
    if ('answer' in step) return step.answer;
    const { job, from, plan } = step;
    const found = takeFrom(walk(db, endpoints, job, from, redriveReads), plan.limit, cursorOf(job));
    const numbers = takeAll(db, { endpoints, sequences, ledger, now }, job, found.redrive);
    ledger.write(db);
    return perform(db, endStep(step, found, numbers, now));
  });
}
