import type { AuditEntry } from '../../domain/audit-entry.ts';
import { commandTransitions, type DeliveryState, deliveryStates } from '../../domain/delivery.ts';
import { blocksKeys } from '../../domain/ordering.ts';
import { withChange } from '../audit-log.ts';
import { type CommandAnswer, commandAnswer, type CommandResult } from '../operations.ts';
import { redriveMark, stateNumbers, triggers } from '../rows.ts';
import { readDelivery } from '../common/readings.ts';
import { writeAudit } from './audit-log.ts';
import { wakeSuccessor } from './blocking.ts';
import type { Database, Row } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { redriveEnded } from './redrive-ended.ts';
import { LedgerChanges } from './ledger.ts';
import { perform } from './common.ts';

/** Returns the state that the delivery had, or why it is not redriven. */
function redriveOne(
  db: Database,
  ledger: LedgerChanges,
  number: number,
  now: number,
): DeliveryState | Exclude<CommandResult, 'done'> | 'not_found' {
  const row = db.get(
    `SELECT d.state, d.endpoint, d.created_at, d.claimed_by, d.due_at, e.type, p.deleted_at FROM deliveries d
     JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint WHERE d.number = ?`,
    number,
  );
  if (row === undefined) return 'not_found';
  const [state, endpoint, createdAt, claimedBy, dueAt, type, deletedAt] = row as [
    number,
    number,
    number,
    string | null,
    number | null,
    string,
    number | null,
  ];
  const before = deliveryStates[state]!;
  if (!commandTransitions.redrive.from.includes(before)) return 'refused';
  if (deletedAt !== null) return 'endpoint_deleted';
  if (state !== stateNumbers.pending) {
    redriveEnded(db, ledger, { number, state, endpoint, createdAt, type }, { trigger: 'manual', now });
    return before;
  }
  // An attempt in flight keeps its claim and its fence (G3); `settle` finds the mark if the attempt fails.
  if (claimedBy !== null) db.run('UPDATE deliveries SET trigger = ? WHERE number = ?', redriveMark, number);
  else if (dueAt! > now)
    db.run(
      'UPDATE deliveries SET due_at = ?, trigger = ? WHERE number = ?',
      now,
      triggers.indexOf('manual'),
      number,
    );
  return before;
}

export function redriveDelivery(
  db: Database,
  number: number,
  now: number,
  audit: AuditEntry | null,
): CommandAnswer {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const state = redriveOne(db, ledger, number, now);
    if (state === 'not_found' || state === 'refused' || state === 'endpoint_deleted')
      return commandAnswer(state, perform(db, readDelivery(number)));
    ledger.write(db);
    writeAudit(db, [withChange(audit, { state }, { state: 'pending' })]);
    return commandAnswer('done', perform(db, readDelivery(number)));
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

export function cancelDelivery(
  db: Database,
  endpoints: EndpointTable,
  number: number,
  message: string,
  now: number,
  audit: AuditEntry | null,
): CommandAnswer {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const row = db.get(
      `SELECT d.number, d.endpoint, d.created_at, e.type, d.state, d.order_key FROM deliveries d
       JOIN events e ON e.number = d.event_number WHERE d.number = ?`,
      number,
    );
    if (row === undefined) return commandAnswer('not_found', null);
    const [, endpoint, createdAt, type, state, orderKey] = row as [
      number,
      number,
      number,
      string,
      number,
      string | null,
    ];
    const known = endpoints.byNum(endpoint);
    const blocks =
      state === stateNumbers.dead && orderKey !== null && known !== undefined && blocksKeys(known.endpoint);
    const former = deliveryStates[state]!;
    if (!blocks && !commandTransitions.cancel.from.includes(former))
      return commandAnswer('refused', perform(db, readDelivery(number)));
    const reason = `cancelled: ${message}`;
    if (blocks) {
      const counted = { endpoint, type, acceptedAt: createdAt };
      ledger.add(counted, 'dead', -1);
      ledger.addWorth(db, number, counted, 'dead', -1);
    }
    cancelOne(db, ledger, row, reason, now);
    ledger.write(db);
    writeAudit(db, [withChange(audit, { state: former }, { state: 'cancelled', reason })]);
    return commandAnswer('done', perform(db, readDelivery(number)));
  });
}

export function cancelOrphans(db: Database, limit: number, now: number): number {
  const ledger = new LedgerChanges();
  return db.transaction(() => {
    const rows = db.all(
      `SELECT d.number, d.endpoint, d.created_at, e.type FROM deliveries d JOIN events e ON e.number = d.event_number
       WHERE d.state = 0 AND d.endpoint IN (SELECT num FROM endpoints WHERE deleted_at IS NOT NULL)
         -- An attempt in flight says itself what became of it, or its lease ends.
         AND (d.claimed_by IS NULL OR d.due_at <= ?) LIMIT +?`,
      now,
      limit,
    );
    for (const row of rows) cancelOne(db, ledger, row, 'endpoint_deleted', now);
    ledger.write(db);
    return rows.length;
  });
}
