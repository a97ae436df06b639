import type { SQLInputValue } from 'node:sqlite';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { newRedriveEntry, redriveEntry } from '../audit-log.ts';
import {
  type Dropped,
  firstState,
  matchFrom,
  redriveColumns,
  redriveFrom,
  redriveReads,
  redriveStates,
  summaryFrom,
  takeFrom,
  type Walk,
} from '../redrives.ts';
import type {
  DeliveryFilter,
  NewRedrive,
  RedriveCursor,
  RedriveMatch,
  RedriveQuery,
  RedriveRecord,
} from '../store.ts';
import { writeAudit } from './audit-log.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { filterSql, inList, listValue, tenantMatches, tenantValues } from './filter.ts';
import { LedgerChanges } from './ledger.ts';
import { redriveEnded } from './redrive-ended.ts';
import type { Sequences } from './sequences.ts';

function recordFrom(row: Row): RedriveRecord {
  return redriveFrom(row, {
    filter: JSON.parse(row[1] as string) as DeliveryFilter,
    summary: JSON.parse(row[11] as string) as object,
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
  { after, limit, order = 'desc', tenants, endpointIds }: RedriveQuery,
): RedriveRecord[] {
  return db
    .all(
      `SELECT ${redriveColumns} FROM redrives WHERE ${confinedTo('tenants', 2)} AND ${confinedTo('endpointIds', 3)}
         ${after === null ? '' : `AND id ${order === 'desc' ? '<' : '>'} ?4`}
       ORDER BY id ${order} LIMIT +?1`,
      limit,
      listValue(tenants),
      listValue(endpointIds),
      ...(after === null ? [] : [after]),
    )
    .map(recordFrom);
}

export function runningRedrives(db: Database): RedriveRecord[] {
  return db.all(`SELECT ${redriveColumns} FROM redrives WHERE state = 'running' ORDER BY id`).map(recordFrom);
}

/** Reads up to `limit` dead and suppressed deliveries behind a position, in the order of their index. */
function walk(
  db: Database,
  endpoints: EndpointTable,
  filter: DeliveryFilter,
  from: RedriveCursor | null,
  below: number,
  limit: number,
): Walk {
  const { where, values } = filterSql(filter, endpoints, db);
  const rows: Dropped[] = [];
  for (const state of redriveStates(filter)) {
    if (from !== null && state < from.state) continue;
    const continued = from !== null && state === from.state;
    let endpoint = continued ? from.endpoint : -1;
    let number = continued ? from.number : -1;
    for (;;) {
      const left = limit - rows.length;
      if (left <= 0) return { rows, next: { state, endpoint, number } };
      const read = readEndpoint(db, { state, endpoint, number, below, left, where, values });
      rows.push(...read);
      number = read.at(-1)?.number ?? number;
      if (read.length === left) continue;
      const next = nextEndpoint(db, filter, state, endpoint);
      if (next === null) break;
      endpoint = next;
      number = -1;
    }
  }
  return { rows, next: null };
}

/** The next endpoint with deliveries in this state. `state >= 2` is the condition of the index. */
function nextEndpoint(db: Database, filter: DeliveryFilter, state: number, behind: number): number | null {
  const row = db.get(
    `SELECT p.num FROM endpoints p WHERE p.num > ?1 AND ${tenantMatches('p.tenant', 2, 3)} AND ${inList('p.id', 4)}
       AND EXISTS (SELECT 1 FROM deliveries d WHERE d.state = ${state} AND d.state >= 2 AND d.endpoint = p.num)
     ORDER BY p.num LIMIT 1`,
    behind,
    ...tenantValues(filter),
    listValue(filter.endpointIds),
  );
  return (row?.[0] as number | undefined) ?? null;
}

function readEndpoint(
  db: Database,
  of: {
    state: number;
    endpoint: number;
    number: number;
    below: number;
    left: number;
    where: string;
    values: readonly SQLInputValue[];
  },
): Dropped[] {
  return db
    .all(
      `SELECT d.number, p.id, p.deleted_at IS NOT NULL, d.created_at, e.type, (${of.where}), CAST(e.amount_minor AS TEXT), e.currency
       FROM deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint
       WHERE d.state = ${of.state} AND d.state >= 2 AND d.endpoint = ? AND d.number > ? AND d.number < ?
       ORDER BY d.number LIMIT +?`,
      ...of.values,
      of.endpoint,
      of.number,
      of.below,
      of.left,
    )
    .map((row) => ({
      number: row[0] as number,
      state: of.state,
      endpoint: of.endpoint,
      endpointId: row[1] as string,
      deleted: row[2] === 1,
      createdAt: row[3] as number,
      type: row[4] as string,
      hit: row[5] === 1,
      amountMinor: row[6] as string | null,
      currency: row[7] as string | null,
    }));
}

export function countRedrive(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  filter: DeliveryFilter,
  from: RedriveCursor | null,
  limit: number,
): RedriveMatch & { next: RedriveCursor | null } {
  const page = walk(db, endpoints, filter, from, sequences.deliveryBound, limit);
  return { ...matchFrom(page), next: page.next };
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
    db.run(
      `INSERT INTO redrives (id, name, filter, rate_per_s, dry_run, state, matched, redriven, skipped, summary, cursor_state,
         cursor_endpoint, cursor, last_number, created_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, -1, -1, ?, ?, ?)`,
      redrive.id,
      redrive.name,
      JSON.stringify(redrive.filter),
      redrive.ratePerS,
      Number(redrive.dryRun),
      state,
      redrive.match.matched,
      skipped,
      summaryFrom(redrive.match),
      sequences.deliveryBound,
      redrive.now,
      state === 'done' ? redrive.now : null,
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

export function stopRedrive(
  db: Database,
  id: string,
  now: number,
  audit: AuditEntry | null,
): RedriveRecord | null {
  return db.transaction(() => {
    const before = findRedrive(db, id);
    if (before === null) return null;
    db.run(
      "UPDATE redrives SET state = 'stopped', finished_at = ? WHERE id = ? AND state = 'running'",
      now,
      id,
    );
    const after = findRedrive(db, id)!;
    writeAudit(db, [redriveEntry(audit, before, after)]);
    return after;
  });
}

export function stepRedrive(
  db: Database,
  endpoints: EndpointTable,
  id: string,
  limit: number,
  now: number,
): { redrive: RedriveRecord; endpointIds: string[] } {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const redrive = findRedrive(db, id);
    if (redrive === null) throw new Error(`there is no redrive ${id}`);
    if (redrive.state !== 'running') return { redrive, endpointIds: [] };
    const [state, endpoint, number, below] = db.get(
      'SELECT cursor_state, cursor_endpoint, cursor, last_number FROM redrives WHERE id = ?',
      id,
    ) as [number, number, number, number];
    const from = { state, endpoint, number };
    const step = takeFrom(walk(db, endpoints, redrive.filter, from, below, redriveReads), limit);
    for (const row of step.redrive) redriveEnded(db, ledger, row, 'redrive', now);
    db.run(
      `UPDATE redrives SET redriven = redriven + ?, skipped = skipped + ?, cursor_state = ?, cursor_endpoint = ?, cursor = ?,
         stepped_at = ?, state = ?, finished_at = ? WHERE id = ?`,
      step.redrive.length,
      step.skipped,
      (step.next ?? from).state,
      (step.next ?? from).endpoint,
      (step.next ?? from).number,
      step.redrive.length > 0 ? now : redrive.steppedAt,
      step.next === null ? 'done' : 'running',
      step.next === null ? now : null,
      id,
    );
    ledger.write(db);
    return {
      redrive: findRedrive(db, id)!,
      endpointIds: [...new Set(step.redrive.map(({ endpointId }) => endpointId))],
    };
  });
}
