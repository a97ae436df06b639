import { latencyBucket } from '../../domain/latency.ts';
import { isAttempt } from '../../domain/settlement.ts';
import type { SettleAnswer, Settlement } from '../store.ts';
import { type Ended, redriveEnded } from '../common/redrive-ended.ts';
import { redriveMark, stateNumbers, triggers } from '../rows.ts';
import { wakeSuccessor } from './blocking.ts';
import { perform } from './common.ts';
import type { Database } from './database.ts';
import { LedgerChanges } from './ledger.ts';

/** The fence (G3): only the holder of the newest claim, and only while that claim is open. */
const fence = `WHERE number = ? AND state = 0 AND claim = ? AND claimed_by IS NOT NULL`;
const apply = `UPDATE deliveries SET state = ?, due_at = ?, settled_at = ?, reason = ?, claimed_by = NULL,
    attempts = attempts + 1, tries = tries + 1, trigger = ?, error_class = ?, status_code = ?, message = ?
  ${fence}`;
/** Without an attempt: it keeps what its last one has come to. */
const applyExpired = `UPDATE deliveries SET state = ?, due_at = NULL, settled_at = ?, reason = ?, claimed_by = NULL, trigger = 0
  ${fence}`;
const insertAttempt = `INSERT OR IGNORE INTO attempts (delivery, n, started_at, duration_ms, status_code, outcome,
  error_class, message, response_excerpt, trigger, node, lease_until, wire) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
/** A migration: until when the claim of an attempt lasted, and how it went over the wire. */
export const attemptWireColumns = `
  ALTER TABLE attempts ADD COLUMN lease_until INTEGER;
  ALTER TABLE attempts ADD COLUMN wire TEXT;
`;
const outcomes = { pending: 'retry', delivered: 'delivered', dead: 'dead' } as const;

/** Whether the attempt log has this very outcome as one that was applied. */
function isLogged(db: Database, { number, claim, startedAt, state }: Settlement): boolean {
  const row = db.get('SELECT started_at, outcome FROM attempts WHERE delivery = ? AND n = ?', number, claim);
  return row?.[0] === startedAt && row[1] === outcomes[state];
}

/**
 * Whether a redrive came while this attempt was in flight, which has failed: then all is as if it had come just after (G3).
 * Nothing could deliver a dead letter of a deleted endpoint, so it stays one; a retry of one is cancelled whenever it is due.
 */
function wasRedriven(db: Database, { number, state }: Settlement, endpoint: number): boolean {
  if (state === 'delivered' || !isMarked(db, number)) return false;
  return state === 'pending' || !isDeleted(db, endpoint);
}

/** Whether a redrive came while its attempt was in flight. */
function isMarked(db: Database, number: number): boolean {
  return (
    db.get(`SELECT 1 FROM deliveries WHERE number = ? AND trigger = ${redriveMark}`, number) !== undefined
  );
}

function isDeleted(db: Database, endpoint: number): boolean {
  return db.get('SELECT 1 FROM endpoints WHERE num = ? AND deleted_at IS NOT NULL', endpoint) !== undefined;
}

/** A delivery that was settled just now as dead. */
function deadLetter({ number, createdAt, eventType: type }: Settlement, endpoint: number): Ended {
  return { number, state: stateNumbers.dead, endpoint, createdAt, type };
}

/** Whether a dead letter of its key has held it. */
function wasHeld(db: Database, number: number): boolean {
  return db.get('SELECT 1 FROM deliveries WHERE number = ? AND held = 1', number) !== undefined;
}

/** Returns whether the outcome's claim was still the delivery's. */
function applyOutcome(db: Database, s: Settlement, isRetryNow: boolean): boolean {
  if (!isAttempt(s))
    return db.run(applyExpired, stateNumbers[s.state], s.now, s.reason, s.number, s.claim) === 1;
  const changed = db.run(
    apply,
    stateNumbers[s.state],
    isRetryNow ? s.now : s.dueAt,
    s.state === 'pending' ? null : s.now,
    s.reason,
    triggers.indexOf(isRetryNow ? 'manual' : 'schedule'),
    s.errorClass,
    s.statusCode,
    s.message,
    s.number,
    s.claim,
  );
  return changed === 1;
}

/** Whether the data of its event were deleted: then nothing of a late answer is kept. */
function areDataDeleted(db: Database, number: number): boolean {
  return (
    db.get(
      'SELECT 1 FROM deliveries d JOIN events e ON e.number = d.event_number WHERE d.number = ? AND e.data_deleted_at IS NOT NULL',
      number,
    ) !== undefined
  );
}

/** Returns 0 if this attempt was logged before. */
function logAttempt(db: Database, s: Settlement, own: boolean): number {
  // A pending delivery keeps the data of its event, so this looks at the late ones alone.
  const isKept = own || !areDataDeleted(db, s.number);
  return db.run(
    insertAttempt,
    s.number,
    s.claim,
    s.startedAt,
    s.durationMs,
    s.statusCode,
    own ? outcomes[s.state] : 'superseded',
    s.errorClass,
    isKept ? s.message : null,
    isKept ? s.responseExcerpt : null,
    triggers.indexOf(s.trigger),
    s.node,
    s.leaseUntil,
    s.wire === null || !isKept ? null : JSON.stringify(s.wire),
  );
}

/** `endpointNum` finds an endpoint's number even after it was deleted. */
export function settle(
  db: Database,
  endpointNum: (id: string) => number,
  settlements: readonly Settlement[],
): SettleAnswer[] {
  const answers: SettleAnswer[] = [];
  const ledger = new LedgerChanges();
  db.transaction(() => {
    for (const s of settlements) {
      const counted = { endpoint: endpointNum(s.endpointId), type: s.eventType, acceptedAt: s.createdAt };
      const ended = s.state !== 'pending';
      const isRedriven = wasRedriven(db, s, counted.endpoint);
      const isRetryNow = isRedriven && s.state === 'pending';
      const own = applyOutcome(db, s, isRetryNow);
      const logged = isAttempt(s) ? logAttempt(db, s, own) : 0;
      // The same outcome again, because its answer was lost: it was applied, and is counted no more.
      if (own) answers.push(isRedriven ? 'redriven' : 'applied');
      else answers.push(logged === 0 && isLogged(db, s) ? 'applied' : 'superseded');
      if (!own) {
        if (logged > 0) ledger.add(counted, 'superseded');
        continue;
      }
      if (s.first) {
        ledger.add(counted, 'first_attempts');
        if (s.state === 'delivered') ledger.add(counted, 'first_delivered');
      }
      if (s.errorClass !== null) ledger.addFailure(counted, s.errorClass);
      if (s.state === 'delivered') {
        ledger.add(counted, 'delivered');
        ledger.addLatency(counted, latencyBucket(s.now - s.createdAt));
        if (s.late) {
          ledger.add(counted, 'late');
          if (s.first && s.keyed && wasHeld(db, s.number)) ledger.addByType(counted, 'held_late');
        } else if (!s.first) ledger.addByType(counted, 'recovered');
      } else if (s.state === 'dead') {
        ledger.add(counted, 'dead');
        ledger.addWorth(db, s.number, counted, 'dead');
        if (isRedriven)
          perform(db, redriveEnded([deadLetter(s, counted.endpoint)], { trigger: 'manual', now: s.now }));
      }
      if (ended && s.keyed) wakeSuccessor(db, s.number, s.now);
    }
    ledger.write(db);
  });
  return answers;
}
