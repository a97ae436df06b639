import { commandTransitions, deliveryStates } from '../../domain/delivery.ts';
import type { CommandAnswer, DeliveryFilter, RedriveRecord } from '../store.ts';
import { stateNumbers, triggers } from '../rows.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { filterSql } from './filter.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';
import { wakeSuccessor } from './settle.ts';

const counterOfState = [null, 'delivered', 'dead', 'cancelled', 'suppressed'] as const;

/** Puts one delivery back on the retry clock; the caller holds the transaction. */
function redriveOne(
  db: Database,
  ledger: LedgerChanges,
  number: number,
  trigger: 'manual' | 'redrive',
  now: number,
): CommandAnswer {
  const row = db.get(
    `SELECT d.state, d.endpoint, d.created_at, d.claimed_by, d.due_at, e.type FROM deliveries d
     JOIN events e ON e.number = d.event_number WHERE d.number = ?`,
    number,
  );
  if (row === undefined) return 'not_found';
  const [state, endpoint, acceptedAt, claimedBy, dueAt, type] = row as [
    number,
    number,
    number,
    string | null,
    number | null,
    string,
  ];
  if (!commandTransitions.redrive.from.includes(deliveryStates[state]!)) return 'refused';
  if (state === stateNumbers.pending) {
    // An attempt in flight keeps its claim and its fence: only what waits comes due sooner (G3).
    if (claimedBy === null && dueAt! > now) {
      db.run(
        'UPDATE deliveries SET due_at = ?, trigger = ? WHERE number = ?',
        now,
        triggers.indexOf(trigger),
        number,
      );
    }
    return 'done';
  }
  // The claim number goes on counting: an attempt of the former schedule stays fenced off (G3).
  db.run(
    `UPDATE deliveries SET state = 0, due_at = ?, claimed_by = NULL, tries = 0, settled_at = NULL, reason = NULL, trigger = ?,
       redrives = redrives + 1 WHERE number = ?`,
    now,
    triggers.indexOf(trigger),
    number,
  );
  ledger.add({ endpoint, type, acceptedAt }, counterOfState[state]!, -1);
  return 'done';
}

export function redriveDelivery(db: Database, number: number, now: number): CommandAnswer {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const answer = redriveOne(db, ledger, number, 'manual', now);
    ledger.write(db);
    return answer;
  });
}

function cancelOne(db: Database, ledger: LedgerChanges, row: Row, reason: string, now: number): void {
  const [number, endpoint, acceptedAt, type] = row as [number, number, number, string];
  db.run(
    'UPDATE deliveries SET state = 3, due_at = NULL, claimed_by = NULL, settled_at = ?, reason = ? WHERE number = ?',
    now,
    reason,
    number,
  );
  ledger.add({ endpoint, type, acceptedAt }, 'cancelled');
  wakeSuccessor(db, number, now);
}

export function cancelDelivery(db: Database, number: number, words: string, now: number): CommandAnswer {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const row = db.get(
      `SELECT d.number, d.endpoint, d.created_at, e.type, d.state FROM deliveries d
       JOIN events e ON e.number = d.event_number WHERE d.number = ?`,
      number,
    );
    if (row === undefined) return 'not_found';
    if (!commandTransitions.cancel.from.includes(deliveryStates[row[4] as number]!)) return 'refused';
    cancelOne(db, ledger, row, `cancelled: ${words}`, now);
    ledger.write(db);
    return 'done';
  });
}

export function cancelOrphans(db: Database, limit: number, now: number): number {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const rows = db.all(
      `SELECT d.number, d.endpoint, d.created_at, e.type FROM deliveries d JOIN events e ON e.number = d.event_number
       WHERE d.state = 0 AND d.endpoint IN (SELECT num FROM endpoints WHERE deleted_at IS NOT NULL) LIMIT +?`,
      limit,
    );
    for (const row of rows) cancelOne(db, ledger, row, 'endpoint_deleted', now);
    ledger.write(db);
    return rows.length;
  });
}

// ---------------------------------------------------------------- bulk redrives

const redriveColumns = 'id, filter, rate_per_s, dry_run, state, matched, redriven, created_at, finished_at';

function redriveOf(row: Row): RedriveRecord {
  return {
    id: row[0] as string,
    filter: JSON.parse(row[1] as string) as DeliveryFilter,
    ratePerS: row[2] as number | null,
    dryRun: row[3] === 1,
    state: row[4] as 'running' | 'done',
    matched: row[5] as number,
    redriven: row[6] as number,
    createdAt: row[7] as number,
    finishedAt: row[8] as number | null,
  };
}

export function findRedrive(db: Database, id: string): RedriveRecord | null {
  const row = db.get(`SELECT ${redriveColumns} FROM redrives WHERE id = ?`, id);
  return row === undefined ? null : redriveOf(row);
}

export function runningRedrives(db: Database): RedriveRecord[] {
  return db.all(`SELECT ${redriveColumns} FROM redrives WHERE state = 'running' ORDER BY id`).map(redriveOf);
}

// Only states with a drop in them: a redrive in bulk never touches what is delivered or on its way.
const droppedOnly = 'd.state IN (2, 4)';

export function createRedrive(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  redrive: { id: string; filter: DeliveryFilter; ratePerS: number | null; dryRun: boolean; now: number },
): RedriveRecord {
  return db.transaction(() => {
    const { where, values } = filterSql(redrive.filter, endpoints);
    const matched = db.get(
      `SELECT count(*) FROM deliveries d JOIN events e ON e.number = d.event_number WHERE ${droppedOnly} AND ${where}`,
      ...values,
    )![0] as number;
    const done = redrive.dryRun || matched === 0;
    db.run(
      `INSERT INTO redrives (id, filter, rate_per_s, dry_run, state, matched, redriven, cursor, last_number, created_at, finished_at)
       VALUES (?, ?, ?, ?, ?, ?, 0, -1, ?, ?, ?)`,
      redrive.id,
      JSON.stringify(redrive.filter),
      redrive.ratePerS,
      Number(redrive.dryRun),
      done ? 'done' : 'running',
      matched,
      sequences.deliveryBound,
      redrive.now,
      done ? redrive.now : null,
    );
    return findRedrive(db, redrive.id)!;
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
    if (redrive.state === 'done') return { redrive, endpointIds: [] };
    const { where, values } = filterSql(redrive.filter, endpoints);
    const rows = db.all(
      `SELECT d.number, p.id FROM deliveries d JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint
       WHERE ${droppedOnly} AND ${where} AND d.number > (SELECT cursor FROM redrives WHERE id = ?)
         AND d.number < (SELECT last_number FROM redrives WHERE id = ?) ORDER BY d.number LIMIT +?`,
      ...values,
      id,
      id,
      limit,
    );
    for (const [number] of rows) redriveOne(db, ledger, number as number, 'redrive', now);
    const ended = rows.length < limit;
    db.run(
      'UPDATE redrives SET redriven = redriven + ?, cursor = max(cursor, ?), state = ?, finished_at = ? WHERE id = ?',
      rows.length,
      (rows.at(-1)?.[0] as number | undefined) ?? -1,
      ended ? 'done' : 'running',
      ended ? now : null,
      id,
    );
    ledger.write(db);
    return {
      redrive: findRedrive(db, id)!,
      endpointIds: [...new Set(rows.map(([, endpointId]) => endpointId as string))],
    };
  });
}
