import type {
  BringForwardRequest,
  ClaimAnswer,
  ClaimedDelivery,
  ClaimRequest,
  DueHint,
  ReleasedClaim,
} from '../store.ts';
import { behindMs, blocksKeys, heldMs, maxDeferred } from '../../domain/ordering.ts';
import { digestHeadSql, digestOf } from '../digest.ts';
import { redriveMark, triggers } from '../rows.ts';
import { firstDead } from './blocking.ts';
import type { Database } from './database.ts';
import type { KnownEndpoint } from '../endpoint-index.ts';
import type { EndpointTable } from './endpoints.ts';

export const eventHead = digestHeadSql('char(10)', (column) => column);

const due = `SELECT d.number, d.claim, d.tries, d.created_at, d.trigger, d.order_key, e.id, e.type,
    coalesce(e.occurred_at, e.accepted_at), e.data,
    e.digest, ${eventHead}, d.due_at, d.redrives
  FROM deliveries d JOIN events e ON e.number = d.event_number
  WHERE d.state = 0 AND d.endpoint = ? AND d.due_at <= ? ORDER BY d.due_at LIMIT +?`;

// The head of the key: the earliest delivery that is still pending, for which this delivery waits.
const before = `SELECT due_at, number, redrives FROM deliveries
  WHERE state = 0 AND endpoint = ? AND order_key = ? AND number < ? ORDER BY number LIMIT 1`;

// Only one that was redriven can find a later one of its key in flight. It reads the whole queue of the key.
const inFlight = `SELECT due_at FROM deliveries
  WHERE state = 0 AND endpoint = ? AND order_key = ? AND number > ? AND claimed_by IS NOT NULL AND due_at > ? LIMIT 1`;

// What waits behind the head is out of the way until the head ends, which makes its successor due at once: whatever is due
// and behind, else each step of a long queue would read it again. It is found by the time it is due: along its key, what sleeps
// already would be read with it.
const waiting = `SELECT number, order_key FROM deliveries
  WHERE state = 0 AND endpoint = ? AND due_at <= ? AND order_key IS NOT NULL AND claimed_by IS NULL
  ORDER BY due_at LIMIT ${maxDeferred}`;
const manual = triggers.indexOf('manual');

/** Which delivery of a key may be claimed, and until when the others of the key are out of the way. */
interface Turn {
  /** Null: none. */
  readonly head: number | null;
  /** Those after this number are deferred, if they are due. */
  readonly behind: number;
  readonly deferTo: number;
  /** A dead letter holds them. */
  readonly isHeld: boolean;
}

/** Puts to sleep what is due and behind, of these keys. */
function defer(db: Database, num: number, turns: ReadonlyMap<string, Turn>, now: number): void {
  for (const [number, orderKey] of db.all(waiting, num, now) as [number, string][]) {
    const turn = turns.get(orderKey);
    if (turn === undefined || number <= turn.behind) continue;
    db.run(
      'UPDATE deliveries SET due_at = ?, held = max(held, ?) WHERE number = ?',
      turn.deferTo,
      turn.isHeld ? 1 : 0,
      number,
    );
  }
}

function turnOf(
  db: Database,
  { num, endpoint }: KnownEndpoint,
  { number, orderKey, redrives }: { number: number; orderKey: string; redrives: number },
  now: number,
  leaseUntil: number,
): Turn {
  const first = db.get(before, num, orderKey, number) as [number, number, number] | undefined;
  const [headDueAt, head, headRedrives] = first ?? [leaseUntil, number, redrives];
  const dead = blocksKeys(endpoint)
    ? (db.get(firstDead, num, orderKey)?.[0] as number | undefined)
    : undefined;
  if (dead !== undefined && dead < head)
    return { head: null, behind: dead, deferTo: now + heldMs, isHeld: true };
  const flying = headRedrives > 0 ? db.get(inFlight, num, orderKey, head, now) : undefined;
  if (flying !== undefined)
    return { head: null, behind: -1, deferTo: Math.max(flying[0] as number, now + behindMs), isHeld: false };
  return { head, behind: head, deferTo: Math.max(headDueAt, now + behindMs), isHeld: false };
}

export function claim(db: Database, endpoints: EndpointTable, request: ClaimRequest): ClaimAnswer {
  const known = endpoints.index.get(request.endpointId);
  if (known === undefined || !known.endpoint.enabled) return { deliveries: [], nextDueAt: null };
  const { num, endpoint } = known;
  const { now } = request;
  const leaseUntil = now + request.leaseMs;
  return db.transaction(() => {
    const deliveries: ClaimedDelivery[] = [];
    let payload = 0;
    const turns = new Map<string, Turn>();
    let isAnyBehind = false;
    for (const row of db.all(due, num, now, request.limit)) {
      const [number, claimNumber, tries, createdAt, trigger, orderKey, eventId, eventType, occurredAt, data] =
        row as [number, number, number, number, number, string | null, string, string, number, string];
      const [digest, head, dueAt] = row.slice(10, 13) as [string | null, string, number];
      if (orderKey !== null && endpoint.ordering === 'key') {
        let turn = turns.get(orderKey);
        if (turn === undefined) {
          turn = turnOf(db, known, { number, orderKey, redrives: row[13] as number }, now, leaseUntil);
          turns.set(orderKey, turn);
        }
        isAnyBehind ||= turn.head !== number;
        // The head itself may stand further down in what was read.
        if (turn.head !== number) continue;
      }
      if (payload > request.maxPayload) break;
      payload += data.length;
      db.run(
        'UPDATE deliveries SET due_at = ?, claim = ?, claimed_by = ?, trigger = ? WHERE number = ?',
        leaseUntil,
        claimNumber + 1,
        request.node,
        trigger === redriveMark ? manual : trigger,
        number,
      );
      deliveries.push({
        number,
        endpointId: endpoint.id,
        claim: claimNumber + 1,
        dueAt,
        leaseUntil,
        attemptsMade: tries,
        createdAt,
        trigger: triggers[trigger]!,
        eventId,
        eventType,
        occurredAt,
        data,
        intact: digest === null || digestOf(head, data) === digest,
      });
    }
    if (isAnyBehind) defer(db, num, turns, now);
    const next = db.get('SELECT min(due_at) FROM deliveries WHERE state = 0 AND endpoint = ?', num);
    return { deliveries, nextDueAt: next![0] as number | null };
  });
}

export function release(db: Database, claims: readonly ReleasedClaim[]): void {
  db.transaction(() => {
    for (const { number, claim: fence, dueAt } of claims) {
      db.run(
        'UPDATE deliveries SET due_at = ?, claimed_by = NULL WHERE number = ? AND state = 0 AND claim = ? AND claimed_by IS NOT NULL',
        dueAt,
        number,
        fence,
      );
    }
  });
}

/** What waits behind an earlier one of its key was not tried yet: brought forward, it would only be deferred again. */
const chosen: Readonly<Record<BringForwardRequest['only'], string>> = {
  all: '(order_key IS NULL OR tries > 0)',
  throttled: 'status_code IN (429, 503)',
  deferred: 'order_key IS NOT NULL AND tries = 0',
};

export function bringForward(
  db: Database,
  endpoints: EndpointTable,
  { endpointId, only, now, limit }: BringForwardRequest,
): number {
  const known = endpoints.index.get(endpointId);
  if (known === undefined) return 0;
  return db.transaction(() =>
    db.run(
      `UPDATE deliveries SET due_at = ?1 WHERE number IN (SELECT number FROM deliveries
         WHERE state = 0 AND endpoint = ?2 AND due_at > ?1 AND claimed_by IS NULL
           AND ${chosen[only]} LIMIT +?3)`,
      now,
      known.num,
      limit,
    ),
  );
}

export function takeOver(db: Database, node: string, now: number): number {
  return db.transaction(() =>
    db.run(
      'UPDATE deliveries SET due_at = ?, claimed_by = NULL WHERE state = 0 AND claimed_by = ?',
      now,
      node,
    ),
  );
}

export function nextDue(db: Database, endpoints: EndpointTable): DueHint[] {
  const hints: DueHint[] = [];
  for (const { num, endpoint } of endpoints.index.all()) {
    if (!endpoint.enabled) continue;
    const row = db.get('SELECT min(due_at) FROM deliveries WHERE state = 0 AND endpoint = ?', num);
    if (row![0] !== null) hints.push({ endpointId: endpoint.id, dueAt: row![0] as number });
  }
  return hints;
}
