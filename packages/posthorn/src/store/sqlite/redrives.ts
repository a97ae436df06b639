import type { AuditActor, AuditEntry } from '../../domain/audit-entry.ts';
import { newRedriveEntry, redriveEntry } from '../audit-log.ts';
import { type FirstSent, type FirstState, firstSentAfter, planStep } from '../first-sent.ts';
import {
  firstState,
  type Found,
  matchFrom,
  redriveColumns,
  redriveFrom,
  redriveReads,
  summaryFrom,
  takeFrom,
} from '../redrives.ts';
import type {
  BulkRequest,
  DeliveryFilter,
  NewRedrive,
  RedriveCursor,
  RedriveMatchPage,
  RedriveQuery,
  RedriveRecord,
  RedriveStep,
} from '../store.ts';
import { writeAudit } from './audit-log.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { listValue } from './filter.ts';
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

function recordFrom(row: Row): RedriveRecord {
  return redriveFrom(row, {
    filter: JSON.parse(row[1] as string) as DeliveryFilter,
    summary: JSON.parse(row[11] as string) as object,
    by: JSON.parse((row[15] as string | null) ?? 'null') as AuditActor | null,
  });
}

export function findRedrive(db: Database, id: string): RedriveRecord | null {
  const row = db.get(`SELECT ${redriveColumns} FROM redrives WHERE id = ?`, id);
  return row === undefined ? null : recordFrom(row);
}

/** The filter names values of this field, and all of them are in the list at this number of a parameter; null: whatever it names. */
const confinedTo = (field: keyof DeliveryFilter, at: number): string =>
  `(?${at} IS NULL OR (json_array_length(filter, '$.${field}') > 0 AND NOT EXISTS (
     SELECT 1 FROM json_each(filter, '$.${field}') named WHERE named.value NOT IN (SELECT value FROM json_each(?${at})))))`;

export function listRedrives(
  db: Database,
  { kind, after, limit, order = 'desc', tenants, endpointIds }: RedriveQuery,
): RedriveRecord[] {
  return db
    .all(
      `SELECT ${redriveColumns} FROM redrives WHERE kind = ?2 AND ${confinedTo('tenants', 3)} AND ${confinedTo('endpointIds', 4)}
         ${after === null ? '' : `AND id ${order === 'desc' ? '<' : '>'} ?5`}
       ORDER BY id ${order} LIMIT +?1`,
      limit,
      kind,
      listValue(tenants),
      listValue(endpointIds),
      ...(after === null ? [] : [after]),
    )
    .map(recordFrom);
}

export function runningRedrives(db: Database): RedriveRecord[] {
  return db.all(`SELECT ${redriveColumns} FROM redrives WHERE state = 'running' ORDER BY id`).map(recordFrom);
}

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
  return db.transaction(() => {
    const running = db.get("SELECT count(*) FROM redrives WHERE state = 'running'")![0] as number;
    const { state, skipped } = firstState(redrive, running);
    const first: FirstSent = { numbers: [], until: null };
    db.run(
      `INSERT INTO redrives (id, kind, name, filter, target, actor, rate_per_s, dry_run, state, matched, redriven, skipped, summary,
         cursor_state, cursor_endpoint, cursor, first_number, last_number, created_at, finished_at, first_sent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, -1, -1, ?, ?, ?, ?, ?)`,
      redrive.id,
      redrive.kind,
      redrive.name,
      JSON.stringify(redrive.filter),
      redrive.target,
      JSON.stringify(redrive.by),
      redrive.ratePerS,
      Number(redrive.dryRun),
      state,
      redrive.match.matched,
      skipped,
      summaryFrom(redrive.match),
      redrive.firstNumber,
      bounded(redrive, sequences).belowNumber,
      redrive.now,
      state === 'done' ? redrive.now : null,
      JSON.stringify(first),
    );
    const created = findRedrive(db, redrive.id)!;
    writeAudit(db, [newRedriveEntry(audit, created)]);
    return created;
  });
}

export function changeRedrive(
  db: Database,
  id: string,
  { name, ratePerS }: { name?: string | null; ratePerS?: number | null },
  audit: AuditEntry | null,
): RedriveRecord | 'not_found' | 'ended' {
  return db.transaction(() => {
    const before = findRedrive(db, id);
    if (before === null) return 'not_found';
    if (ratePerS !== undefined && before.state !== 'running') return 'ended';
    db.run(
      'UPDATE redrives SET name = ?, rate_per_s = ? WHERE id = ?',
      name === undefined ? before.name : name,
      ratePerS === undefined ? before.ratePerS : ratePerS,
      id,
    );
    const after = findRedrive(db, id)!;
    writeAudit(db, [redriveEntry(audit, before, after)]);
    return after;
  });
}

function markStopped(db: Database, id: string, reason: RedriveRecord['stopReason'], now: number): void {
  db.run(
    "UPDATE redrives SET state = 'stopped', stop_reason = ?, finished_at = ? WHERE id = ? AND state = 'running'",
    reason,
    now,
    id,
  );
}

export function stopRedrive(
  db: Database,
  id: string,
  now: number,
  audit: AuditEntry | null,
): RedriveRecord | null {
  return db.transaction(() => {
    const before = findRedrive(db, id);
    if (before === null) return null;
    markStopped(db, id, 'asked', now);
    const after = findRedrive(db, id)!;
    writeAudit(db, [redriveEntry(audit, before, after)]);
    return after;
  });
}

/** How the first deliveries of a job are now. */
function readFirst(db: Database, { numbers }: FirstSent): FirstState[] {
  return db
    .all(
      `SELECT d.state, d.tries, p.enabled FROM deliveries d JOIN endpoints p ON p.num = d.endpoint
       WHERE d.number IN (SELECT value FROM json_each(?))`,
      JSON.stringify(numbers),
    )
    .map((row) => ({ state: row[0] as number, tries: row[1] as number, enabled: row[2] === 1 }));
}

/** Does what the job does to what it has found; answers the deliveries that are due now, and how many could not be. */
function takeAll(
  db: Database,
  place: ReplayPlace,
  job: RedriveRecord,
  found: readonly Found[],
): { readonly numbers: readonly number[]; readonly skipped: number } {
  const numbers = found.flatMap((row): number | readonly number[] => {
    if (job.kind === 'replay') return replayFound(db, place, row, job.id) ?? [];
    redriveEnded(db, place.ledger, row, { trigger: 'redrive', redriveId: job.id, now: place.now });
    return row.number;
  });
  return { numbers, skipped: found.length - numbers.length };
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
    const job = findRedrive(db, id);
    if (job === null) throw new Error(`redrive ${id} does not exist`);
    if (job.state !== 'running') return { redrive: job, endpointIds: [], isWaiting: false };
    const [state, endpoint, number, firstText] = db.get(
      'SELECT cursor_state, cursor_endpoint, cursor, first_sent FROM redrives WHERE id = ?',
      id,
    ) as [number, number, number, string | null];
    const sent = JSON.parse(firstText ?? 'null') as FirstSent | null;
    const plan = planStep(job, sent && { sent, states: readFirst(db, sent) }, limit, now);
    if (plan.do === 'wait') return { redrive: job, endpointIds: [], isWaiting: true };
    if (plan.do === 'stop') {
      markStopped(db, id, 'failing', now);
      return { redrive: findRedrive(db, id)!, endpointIds: [], isWaiting: false };
    }
    const from = { state, endpoint, number };
    const found = walk(db, endpoints, job, from, redriveReads);
    const step = takeFrom(found, plan.limit, cursorOf(job));
    const { numbers, skipped } = takeAll(db, { endpoints, sequences, ledger, now }, job, step.redrive);
    const first = plan.isWatching && sent !== null ? firstSentAfter(sent, numbers, now) : null;
    db.run(
      `UPDATE redrives SET redriven = redriven + ?, skipped = skipped + ?, cursor_state = ?, cursor_endpoint = ?, cursor = ?,
         stepped_at = ?, state = ?, finished_at = ?, first_sent = ? WHERE id = ?`,
      numbers.length,
      step.skipped + skipped,
      (step.next ?? from).state,
      (step.next ?? from).endpoint,
      (step.next ?? from).number,
      numbers.length > 0 ? now : job.steppedAt,
      step.next === null ? 'done' : 'running',
      step.next === null ? now : null,
      first === null ? null : JSON.stringify(first),
      id,
    );
    ledger.write(db);
    const endpointIds = [...new Set(step.redrive.map(({ endpointId }) => endpointId))];
    return { redrive: findRedrive(db, id)!, endpointIds, isWaiting: false };
  });
}
