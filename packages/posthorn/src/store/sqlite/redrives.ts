import { cursorOf, walk } from '../common/bulk-walk.ts';
import { redriveEnded } from '../common/redrive-ended.ts';
import { beginStep, endStep } from '../common/redrives.ts';
import { type Found, redriveReads, takeFrom } from '../redrives.ts';
import type { RedriveRecord, RedriveStep } from '../store.ts';
import { perform } from './common.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import { replayFound } from './replay.ts';
import type { Sequences } from './sequences.ts';

interface StepPlace {
  readonly endpoints: EndpointTable;
  readonly sequences: Sequences;
}

/** Does what the job does to what it has found; answers the deliveries that are due now. */
function takeAll(
  db: Database,
  place: StepPlace,
  job: RedriveRecord,
  found: readonly Found[],
  now: number,
): readonly number[] {
  if (job.kind === 'redrive')
    return [...perform(db, redriveEnded(found, { trigger: 'redrive', redriveId: job.id, now }))];
  const ledger = new LedgerChanges();
  const numbers = found.flatMap((one) => replayFound(db, { ...place, ledger, now }, one, job.id) ?? []);
  ledger.write(db);
  return numbers;
}

export function stepRedrive(
  db: Database,
  place: StepPlace,
  id: string,
  limit: number,
  now: number,
): RedriveStep {
  return db.transaction(() => {
    const step = perform(db, beginStep(id, limit, now));
    if ('answer' in step) return step.answer;
    const { job, from, plan } = step;
    const rows = perform(db, walk(job, from, redriveReads));
    const found = takeFrom(rows, plan.limit, perform(db, cursorOf(job)));
    return perform(db, endStep(step, found, takeAll(db, place, job, found.redrive, now), now));
  });
}
