import { redriveMark, triggers } from '../rows.ts';
import type { Database } from './database.ts';
import type { LedgerChanges } from './ledger.ts';
import { atRiskStates } from '../worth.ts';

const counters = [null, 'delivered', 'dead', 'cancelled', 'suppressed'] as const;

/** A delivery that has ended, as the caller's transaction has read it. */
interface Ended {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly type: string;
}

export interface Again {
  readonly trigger: 'manual' | 'redrive';
  /** The job in bulk that does it. */
  readonly redriveId?: string;
  readonly now: number;
}

/** Puts an ended delivery back on the retry clock with a fresh schedule; the caller holds the transaction. */
export function redriveEnded(
  db: Database,
  ledger: LedgerChanges,
  { number, state, endpoint, createdAt, type }: Ended,
  { trigger, redriveId, now }: Again,
): void {
  // The claim number goes on counting: an attempt of the former schedule stays fenced off (G3).
  db.run(
    `UPDATE deliveries SET state = 0, due_at = ?, claimed_by = NULL, tries = 0, settled_at = NULL, reason = NULL, trigger = ?,
       redrives = redrives + 1, redrive_id = coalesce(?, redrive_id) WHERE number = ?`,
    now,
    triggers.indexOf(trigger),
    redriveId ?? null,
    number,
  );
  const counted = { endpoint, type, acceptedAt: createdAt };
  ledger.add(counted, counters[state]!, -1);
  const atRisk = atRiskStates[state]!;
  if (atRisk !== null) ledger.addWorth(db, number, counted, atRisk, -1);
}

/** Whether a redrive came while its attempt was in flight. */
export function isMarked(db: Database, number: number): boolean {
  return (
    db.get(`SELECT 1 FROM deliveries WHERE number = ? AND trigger = ${redriveMark}`, number) !== undefined
  );
}

export function isDeleted(db: Database, endpoint: number): boolean {
  return db.get('SELECT 1 FROM endpoints WHERE num = ? AND deleted_at IS NOT NULL', endpoint) !== undefined;
}
