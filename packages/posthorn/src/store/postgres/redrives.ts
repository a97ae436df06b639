import type { AuditActor, AuditEntry } from '../../domain/audit-entry.ts';
import { shardOfNumber } from '../../domain/ids.ts';
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
import { notifyDue } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import type { Connection, Database, Row } from './database.ts';
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

function recordFrom(row: Row): RedriveRecord {
  return redriveFrom(row, {
    filter: row[1] as unknown as DeliveryFilter,
    summary: row[11] as unknown as object,
    by: row[15] as unknown as AuditActor | null,
  });
}

export async function findRedrive(connection: Connection, id: string): Promise<RedriveRecord | null> {
  const [row] = await connection.query(
    'redrive_find',
    `SELECT ${redriveColumns} FROM posthorn.redrives WHERE id = $1`,
    [id],
  );
  return row === undefined ? null : recordFrom(row);
}

/** The filter names values of this field, and all of them are in the list at this number of a parameter; null: whatever it names. */
const confinedTo = (field: keyof DeliveryFilter, at: number): string =>
  `($${at}::jsonb IS NULL OR (filter -> '${field}' <> '[]' AND filter -> '${field}' <@ $${at}::jsonb))`;

const jsonList = (values: readonly string[] | undefined): string | null =>
  values === undefined ? null : JSON.stringify(values);

export async function listRedrives(
  db: Database,
  { kind, after, limit, order = 'desc', tenants, endpointIds }: RedriveQuery,
): Promise<RedriveRecord[]> {
  const rows = await db.query(
    `redrives_list_${order}`,
    `SELECT ${redriveColumns} FROM posthorn.redrives
     WHERE ($1::text IS NULL OR id COLLATE "C" ${order === 'desc' ? '<' : '>'} $1)
       AND kind = $5 AND ${confinedTo('tenants', 3)} AND ${confinedTo('endpointIds', 4)} ORDER BY id COLLATE "C" ${order} LIMIT $2`,
    [after, limit, jsonList(tenants), jsonList(endpointIds), kind],
  );
  return rows.map(recordFrom);
}

export async function runningRedrives(db: Database): Promise<RedriveRecord[]> {
  const rows = await db.query(
    'redrives_running',
    `SELECT ${redriveColumns} FROM posthorn.redrives WHERE state = 'running' ORDER BY id`,
  );
  return rows.map(recordFrom);
}

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
    const [running] = await connection.query(
      'redrives_count',
      "SELECT count(*) FROM posthorn.redrives WHERE state = 'running'",
    );
    const { state, skipped } = firstState(redrive, running![0] as number);
    await connection.query(
      'redrive_create',
      `INSERT INTO posthorn.redrives (id, name, filter, rate_per_s, dry_run, state, matched, redriven, skipped, summary, cursor_state,
         cursor_endpoint, cursor, last_number, created_at, finished_at, kind, target, actor, first_sent, first_number)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, 0, -1, -1, $10, $11, $12, $13, $14, $15, $16, $17)`,
      [
        redrive.id,
        redrive.name,
        JSON.stringify(redrive.filter),
        redrive.ratePerS,
        redrive.dryRun,
        state,
        redrive.match.matched,
        skipped,
        summaryFrom(redrive.match),
        (await bounded(connection, redrive)).belowNumber,
        redrive.now,
        state === 'done' ? redrive.now : null,
        redrive.kind,
        redrive.target,
        JSON.stringify(redrive.by),
        JSON.stringify({ numbers: [], until: null } satisfies FirstSent),
        redrive.firstNumber,
      ],
    );
    const recorded = (await findRedrive(connection, redrive.id))!;
    await writeAudit(connection, [newRedriveEntry(audit, recorded)]);
    return recorded;
  });
  // The coordinator looks for new work, wherever it runs.
  if (created.state === 'running') await notifyDue(db, []);
  return created;
}

/** While its row is locked no step of it is taken, and no other change of it. */
async function lockRedrive(connection: Connection, id: string): Promise<RedriveRecord | null> {
  const [row] = await connection.query(
    'redrive_hold',
    `SELECT ${redriveColumns} FROM posthorn.redrives WHERE id = $1 FOR UPDATE`,
    [id],
  );
  return row === undefined ? null : recordFrom(row);
}

export async function changeRedrive(
  db: Database,
  id: string,
  { name, ratePerS }: { name?: string | null; ratePerS?: number | null },
  audit: AuditEntry | null,
): Promise<RedriveRecord | 'not_found' | 'ended'> {
  const changed = await db.transaction(async (connection) => {
    const before = await lockRedrive(connection, id);
    if (before === null) return 'not_found';
    if (ratePerS !== undefined && before.state !== 'running') return 'ended';
    const [row] = await connection.query(
      'redrive_change',
      `UPDATE posthorn.redrives SET name = $2, rate_per_s = $3 WHERE id = $1 RETURNING ${redriveColumns}`,
      [id, name === undefined ? before.name : name, ratePerS === undefined ? before.ratePerS : ratePerS],
    );
    const after = recordFrom(row!);
    await writeAudit(connection, [redriveEntry(audit, before, after)]);
    return after;
  });
  if (typeof changed !== 'string') await notifyDue(db, []);
  return changed;
}

async function markStopped(
  connection: Connection,
  id: string,
  reason: RedriveRecord['stopReason'],
  now: number,
): Promise<void> {
  await connection.query(
    'redrive_stop',
    "UPDATE posthorn.redrives SET state = 'stopped', stop_reason = $3, finished_at = $2 WHERE id = $1 AND state = 'running'",
    [id, now, reason],
  );
}

export async function stopRedrive(
  db: Database,
  id: string,
  now: number,
  audit: AuditEntry | null,
): Promise<RedriveRecord | null> {
  // A step holds the row's lock until it commits: what it redrives comes before the stop, and nothing after it.
  return await db.transaction(async (connection) => {
    const before = await lockRedrive(connection, id);
    if (before === null) return null;
    await markStopped(connection, id, 'asked', now);
    const after = (await findRedrive(connection, id))!;
    await writeAudit(connection, [redriveEntry(audit, before, after)]);
    return after;
  });
}

/** How the first deliveries of a job are now. */
async function readFirst(connection: Connection, { numbers }: FirstSent): Promise<FirstState[]> {
  const rows = await connection.query(
    'redrive_first',
    `SELECT d.state, d.tries, p.enabled FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
     WHERE d.shard = ANY ($2::smallint[]) AND d.number = ANY ($1::bigint[])`,
    [numbers, [...new Set(numbers.map(shardOfNumber))]],
  );
  return rows.map((row) => ({
    state: row[0] as number,
    tries: row[1] as number,
    enabled: row[2] === true,
  }));
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
  const answer = await db.transaction(async (connection): Promise<RedriveStep> => {
    // The row's lock lets one node at a time take the next step.
    const [row] = await connection.query(
      'redrive_lock',
      `SELECT ${redriveColumns}, cursor_state, cursor_endpoint, cursor, first_sent FROM posthorn.redrives WHERE id = $1 FOR UPDATE`,
      [id],
    );
    if (row === undefined) throw new Error(`redrive ${id} does not exist`);
    const job = recordFrom(row);
    if (job.state !== 'running') return { redrive: job, endpointIds: [], isWaiting: false };
    const [state, endpoint, number] = row.slice(-4) as [number, number, number];
    const sent = row.at(-1) as unknown as FirstSent | null;
    const plan = planStep(job, sent && { sent, states: await readFirst(connection, sent) }, limit, now);
    if (plan.do === 'wait') return { redrive: job, endpointIds: [], isWaiting: true };
    if (plan.do === 'stop') {
      await markStopped(connection, id, 'failing', now);
      return { redrive: (await findRedrive(connection, id))!, endpointIds: [], isWaiting: false };
    }
    const from = { state, endpoint, number };
    const known = await targetOf(endpoints, job);
    const found = await walk(connection, known, job, from, redriveReads);
    const step = takeFrom(found, plan.limit, cursorOf(job));
    const numbers = await takeAll(connection, job, step.redrive, now);
    const first = plan.isWatching && sent !== null ? firstSentAfter(sent, numbers, now) : null;
    await connection.query(
      'redrive_step',
      `UPDATE posthorn.redrives SET redriven = redriven + $2, skipped = skipped + $3, cursor_state = $4, cursor_endpoint = $5, cursor = $6,
         stepped_at = coalesce($7, stepped_at), state = $8, finished_at = $9, first_sent = $10 WHERE id = $1`,
      [
        id,
        numbers.length,
        step.skipped + step.redrive.length - numbers.length,
        (step.next ?? from).state,
        (step.next ?? from).endpoint,
        (step.next ?? from).number,
        numbers.length > 0 ? now : null,
        step.next === null ? 'done' : 'running',
        step.next === null ? now : null,
        first === null ? null : JSON.stringify(first),
      ],
    );
    return {
      redrive: (await findRedrive(connection, id))!,
      endpointIds: [...new Set(step.redrive.map(({ endpointId }) => endpointId))],
      isWaiting: false,
    };
  });
  if (answer.endpointIds.length > 0) await notifyDue(db, answer.endpointIds);
  return answer;
}
