import type { AuditActor } from '../../domain/audit-entry.ts';
import { deliveryStates } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { newRedriveEntry, redriveEntry } from '../audit-log.ts';
import { type FirstSent, type FirstState, firstSentAfter, planStep, type StepPlan } from '../first-sent.ts';
import type {
  OperationWrites,
  RedriveCursor,
  RedriveListings,
  RedriveLookups,
  RedriveRecord,
  RedriveStep,
} from '../operations.ts';
import { firstState, matchFrom, redriveColumns, redriveFrom, summaryFrom, type Walk } from '../redrives.ts';
import type { DeliveryFilter } from '../filters.ts';
import { writeAudit } from './audit-log.ts';
import { bounded, walk } from './bulk-walk.ts';
import { type Cold, separately, transaction } from './methods.ts';
import { all, bytewise, comesAfter, forUpdate, isAnyOf, limit as limited, table } from './pieces.ts';
import { per, raw, type Row, type Sql, sql } from './sql.ts';
import { changes, hint, row, rows, type Steps, stored } from './steps.ts';

const redrives = table('redrives');
const columns = raw(redriveColumns);

function* recordFrom(one: Row): Steps<RedriveRecord> {
  return redriveFrom(one, {
    filter: yield* stored<DeliveryFilter>(one[1], 'the filter of a redrive'),
    summary: yield* stored<object>(one[11], 'the summary of a redrive'),
    by: one[15] === null ? null : yield* stored<AuditActor | null>(one[15], 'who began a redrive'),
  });
}

function* recordsFrom(found: readonly Row[]): Steps<RedriveRecord[]> {
  const records: RedriveRecord[] = [];
  for (const one of found) records.push(yield* recordFrom(one));
  return records;
}

function* readRedrive(id: string): Steps<RedriveRecord | null> {
  const found = yield* row(sql`SELECT ${columns} FROM ${redrives} WHERE id = ${id}`);
  return found === undefined ? null : yield* recordFrom(found);
}

/** While its row is locked, no step of it is taken, and no other change of it. */
function* lockRedrive(id: string): Steps<RedriveRecord | null> {
  const found = yield* row(sql`SELECT ${columns} FROM ${redrives} WHERE id = ${id} ${forUpdate()}`);
  return found === undefined ? null : yield* recordFrom(found);
}

/** The condition that a filter names values of this field, and only these; null: it may name any. */
function confinedTo(field: 'tenants' | 'endpointIds', values: readonly string[] | undefined): Sql | null {
  if (values === undefined) return null;
  const list = JSON.stringify(values);
  const path = raw(`'$.${field}'`);
  return per(({ name }) =>
    name === 'sqlite'
      ? sql`(json_array_length(filter, ${path}) > 0 AND NOT EXISTS (SELECT 1 FROM json_each(filter, ${path}) named
          WHERE named.value NOT IN (SELECT value FROM json_each(${list}))))`
      : sql`(${raw(`filter -> '${field}' <> '[]' AND filter -> '${field}'`)} <@ CAST(${list} AS jsonb))`,
  );
}

export const redriveLookups: Cold<RedriveLookups> = {
  countRedrive: separately(function* (request, from, limit) {
    return matchFrom(yield* walk(yield* bounded(request), from, limit));
  }),

  redrive: separately(readRedrive),

  redrives: separately(function* ({ kind, after, limit, order = 'desc', tenants, endpointIds }) {
    const found = yield* rows(
      sql`SELECT ${columns} FROM ${redrives} WHERE ${all([
        sql`kind = ${kind}`,
        confinedTo('tenants', tenants),
        confinedTo('endpointIds', endpointIds),
        comesAfter('id', order, after),
      ])} ORDER BY ${bytewise('id')} ${raw(order)} ${limited(limit)}`,
    );
    return yield* recordsFrom(found);
  }),

  runningRedrives: separately(function* () {
    return yield* recordsFrom(
      yield* rows(sql`SELECT ${columns} FROM ${redrives} WHERE state = 'running' ORDER BY id`),
    );
  }),
};

function* markStopped(id: string, reason: RedriveRecord['stopReason'], now: number): Steps<RedriveRecord> {
  yield* changes(
    sql`UPDATE ${redrives} SET state = 'stopped', stop_reason = ${reason}, finished_at = ${now} WHERE id = ${id} AND state = 'running'`,
  );
  return (yield* readRedrive(id))!;
}

export const redriveWrites: Cold<Pick<OperationWrites, 'createRedrive' | 'changeRedrive' | 'stopRedrive'>> = {
  createRedrive: transaction(function* (redrive, audit = null) {
    const { belowNumber } = yield* bounded(redrive);
    const running = yield* row(sql`SELECT count(*) FROM ${redrives} WHERE state = 'running'`);
    const { state, skipped } = firstState(redrive, running![0] as number);
    const first: FirstSent = { numbers: [], until: null };
    const { id, kind, name, filter, target, by, ratePerS, dryRun, match, firstNumber, now } = redrive;
    yield* changes(
      sql`INSERT INTO ${redrives} (id, kind, name, filter, target, actor, rate_per_s, dry_run, state, matched, redriven, skipped, summary,
          cursor_state, cursor_endpoint, cursor, first_number, last_number, created_at, finished_at, first_sent)
        VALUES (${id}, ${kind}, ${name}, ${JSON.stringify(filter)}, ${target}, ${JSON.stringify(by)}, ${ratePerS}, ${dryRun}, ${state},
          ${match.matched}, 0, ${skipped}, ${summaryFrom(match)}, 0, -1, -1, ${firstNumber}, ${belowNumber}, ${now},
          ${state === 'done' ? now : null}, ${JSON.stringify(first)})`,
    );
    const created = (yield* readRedrive(id))!;
    // The coordinator looks for new work, wherever it runs.
    if (state === 'running') yield* hint([]);
    yield* writeAudit([newRedriveEntry(audit, created)]);
    return created;
  }),

  changeRedrive: transaction(function* (id, { name, ratePerS }, audit = null) {
    const before = yield* lockRedrive(id);
    if (before === null) return 'not_found';
    if (ratePerS !== undefined && before.state !== 'running') return 'ended';
    const [newName, newRate] = [
      name === undefined ? before.name : name,
      ratePerS === undefined ? before.ratePerS : ratePerS,
    ];
    yield* changes(sql`UPDATE ${redrives} SET name = ${newName}, rate_per_s = ${newRate} WHERE id = ${id}`);
    const after = (yield* readRedrive(id))!;
    yield* hint([]);
    yield* writeAudit([redriveEntry(audit, before, after)]);
    return after;
  }),

  // A step holds the row's lock until it commits: what it redrives comes before the stop, and nothing after it.
  stopRedrive: transaction(function* (id, now, audit = null) {
    const before = yield* lockRedrive(id);
    if (before === null) return null;
    const after = yield* markStopped(id, 'asked', now);
    yield* writeAudit([redriveEntry(audit, before, after)]);
    return after;
  }),
};

/** How the first deliveries of a job are now. */
function* readFirst({ numbers }: FirstSent): Steps<FirstState[]> {
  const shards = [...new Set(numbers.map(shardOfNumber))];
  const inShards = per(({ name }) =>
    name === 'sqlite' ? raw('true') : isAnyOf('d.shard', shards, 'smallint'),
  );
  const found = yield* rows(
    sql`SELECT d.state, d.tries, p.enabled FROM ${table('deliveries')} d JOIN ${table('endpoints')} p ON p.num = d.endpoint
      WHERE ${inShards} AND ${isAnyOf('d.number', numbers, 'bigint')}`,
  );
  return found.map(([state, tries, enabled]) => ({
    state: state as number,
    tries: tries as number,
    enabled: Boolean(enabled),
  }));
}

/** A step of a job that takes something, while the job's row is locked. */
export interface TakingStep {
  readonly job: RedriveRecord;
  readonly from: RedriveCursor;
  readonly plan: Extract<StepPlan, { readonly do: 'take' }>;
  readonly sent: FirstSent | null;
}

/** Locks a job, so that one node at a time takes its next step, and decides what the step does: its answer if it takes nothing. */
export function* beginStep(
  id: string,
  limit: number,
  now: number,
): Steps<TakingStep | { readonly answer: RedriveStep }> {
  const job = yield* lockRedrive(id);
  if (job === null) throw new Error(`redrive ${id} does not exist`);
  const without = (redrive: RedriveRecord, isWaiting: boolean): { readonly answer: RedriveStep } => ({
    answer: { redrive, endpointIds: [], isWaiting },
  });
  if (job.state !== 'running') return without(job, false);
  const [state, endpoint, number, first] = (yield* row(
    sql`SELECT cursor_state, cursor_endpoint, cursor, first_sent FROM ${redrives} WHERE id = ${id}`,
  )) as [number, number, number, unknown];
  const sent = first === null ? null : yield* stored<FirstSent | null>(first, 'the first ones of a redrive');
  const plan = planStep(job, sent && { sent, states: yield* readFirst(sent) }, limit, now);
  if (plan.do === 'wait') return without(job, true);
  if (plan.do === 'stop') return without(yield* markStopped(id, 'failing', now), false);
  return { job, from: { state, endpoint, number }, plan, sent };
}

/** Records what a step has found, and the deliveries that it has made due: fewer than it found if some could not be. */
export function* endStep(
  { job, from, plan, sent }: TakingStep,
  found: { readonly redrive: Walk['rows']; readonly skipped: number; readonly next: RedriveCursor | null },
  numbers: readonly number[],
  now: number,
): Steps<RedriveStep> {
  const first = plan.isWatching && sent !== null ? firstSentAfter(sent, numbers, now) : null;
  const at = found.next ?? from;
  const skipped = found.skipped + found.redrive.length - numbers.length;
  yield* changes(
    sql`UPDATE ${redrives} SET redriven = redriven + ${numbers.length}, skipped = skipped + ${skipped}, cursor_state = ${at.state},
        cursor_endpoint = ${at.endpoint}, cursor = ${at.number}, stepped_at = ${numbers.length > 0 ? now : job.steppedAt},
        state = ${found.next === null ? 'done' : 'running'}, finished_at = ${found.next === null ? now : null},
        first_sent = ${first === null ? null : JSON.stringify(first)}
      WHERE id = ${job.id}`,
  );
  const endpointIds = [...new Set(found.redrive.map(({ endpointId }) => endpointId))];
  return { redrive: (yield* readRedrive(job.id))!, endpointIds, isWaiting: false };
}

export const redriveListings: Cold<RedriveListings> = {
  redriveOutcomes: separately(function* (ids) {
    const found = yield* rows(
      sql`SELECT d.redrive_id, d.state, count(*) FROM ${table('deliveries')} d
        WHERE d.redrive_id IS NOT NULL AND ${isAnyOf('d.redrive_id', ids, 'text')} GROUP BY d.redrive_id, d.state`,
    );
    const byId = Map.groupBy(found, ([id]) => id);
    return ids.map((id) => ({
      id,
      states: Object.fromEntries(
        (byId.get(id) ?? []).map(([, state, count]) => [deliveryStates[state as number]!, count as number]),
      ),
    }));
  }),
};
