import { shardOfNumber } from '../../domain/ids.ts';
import { shardCount } from '../../domain/shard.ts';
import type { ClaimAnswer, ClaimedDelivery, ClaimRequest, DueHint, ReleasedClaim } from '../store.ts';
import { triggers } from '../rows.ts';
import type { Database, Row } from './database.ts';

/** Of one key in one statement; a longer queue takes several. */
const deferMost = 2000;
const deferMs = 1000;

const allShards = Array.from({ length: shardCount }, (_, shard) => shard);

const endpoint = 'SELECT num FROM posthorn.endpoints WHERE id = $1 AND enabled AND deleted_at IS NULL';

/** From `mine` (where the rows are, locked already) to what the dispatcher needs. */
const claimed = (leaseUntil: string, node: string): string => `claimed AS (
    UPDATE posthorn.deliveries d SET due_at = ${leaseUntil}, claim = d.claim + 1, claimed_by = ${node} FROM mine m WHERE d.ctid = m.ctid
    RETURNING d.shard, d.number, d.claim, d.tries, d.created_at, d.trigger, d.event_number)
SELECT c.number, c.claim, c.tries, c.created_at, c.trigger, e.id, e.type, coalesce(e.occurred_at, e.accepted_at), e.data
FROM claimed c JOIN posthorn.events e ON e.shard = c.shard AND e.number = c.event_number ORDER BY c.number`;

/**
 * Due deliveries of one endpoint, its oldest first in each shard, from one shard after the other until there are enough:
 * no row is read that is not claimed, and those of a shard lie side by side. Shards take turns in being the first.
 * What another node has locked is passed over: ownership saves work, SKIP LOCKED and the claim number keep it right (G3).
 */
const claimAny = `WITH p AS MATERIALIZED (${endpoint}),
  mine AS MATERIALIZED (
    SELECT x.ctid FROM p CROSS JOIN unnest($2::smallint[]) AS s (shard) CROSS JOIN LATERAL (
      SELECT d.ctid FROM posthorn.deliveries d
      WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = s.shard AND d.due_at <= $3
      ORDER BY d.due_at LIMIT $4 FOR UPDATE OF d SKIP LOCKED) x
    LIMIT $4),
  ${claimed('$5', '$6')}`;

/**
 * Due deliveries of one endpoint in the node's shards. Each shard is looked up by its own range of the index and
 * gives at most its part, so that another node's backlog is never read.
 */
const due = `SELECT c.shard, c.number FROM unnest($2::smallint[]) AS s (shard) CROSS JOIN LATERAL (
    SELECT d.shard, d.number, d.due_at FROM posthorn.deliveries d
    WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = s.shard AND d.due_at <= $3 ORDER BY d.due_at LIMIT $5) c
  ORDER BY c.due_at LIMIT $4`;

// A delivery of a key waits for every earlier one, and for one whose lease still runs, whatever its number.
const behind = `EXISTS (SELECT 1 FROM posthorn.deliveries b WHERE b.state = 0 AND b.shard = d.shard AND b.endpoint = d.endpoint
  AND b.order_key = d.order_key AND b.number <> d.number AND (b.number < d.number OR (b.claimed_by IS NOT NULL AND b.due_at > $3)))`;

const claimKeyed = `WITH p AS MATERIALIZED (${endpoint}),
  due AS MATERIALIZED (SELECT x.* FROM p, LATERAL (${due}) x),
  mine AS MATERIALIZED (
    -- One lookup by key for each: LIMIT keeps the planner from joining with every pending row instead.
    SELECT m.ctid FROM due CROSS JOIN LATERAL (
      SELECT d.ctid FROM posthorn.deliveries d
      WHERE d.shard = due.shard AND d.number = due.number AND d.state + 0 = 0 AND d.due_at + 0 <= $3
        AND NOT (d.order_key IS NOT NULL AND ${behind})
      LIMIT 1 FOR UPDATE OF d SKIP LOCKED) m),
  ${claimed('$6', '$7')}`;

// What waits behind the head of its key is out of the way until the head ends, which makes its successor due at once:
// the whole queue of the key is deferred together, else each step of a long queue would read it again (measured with twelve
// keys and 2,000 waiting for each: 340 deliveries a second, and 2 when each claim deferred what it had read). Its own time to come due is only the fallback.
//
// The head is locked meanwhile: else it could end between being seen and the deferring, and its successor would sleep
// through its call. A head that is locked already is about to change, and its followers are looked at again.
const defer = `WITH p AS MATERIALIZED (${endpoint}),
  due AS MATERIALIZED (SELECT x.* FROM p, LATERAL (${due}) x),
  keys AS MATERIALIZED (
    SELECT DISTINCT d.shard, d.endpoint, d.order_key FROM posthorn.deliveries d JOIN due USING (shard, number)
    WHERE d.state + 0 = 0 AND d.claimed_by IS NULL AND d.order_key IS NOT NULL AND ${behind}),
  waiting AS MATERIALIZED (
    SELECT k.*, (SELECT b.number FROM posthorn.deliveries b
      WHERE b.state = 0 AND b.shard = k.shard AND b.endpoint = k.endpoint AND b.order_key = k.order_key
      ORDER BY (b.claimed_by IS NULL OR b.due_at <= $3), b.number LIMIT 1) AS head
    FROM keys k),
  heads AS MATERIALIZED (
    SELECT w.*, h.due_at FROM waiting w JOIN posthorn.deliveries h ON h.shard = w.shard AND h.number = w.head
    WHERE h.state + 0 = 0 FOR SHARE OF h SKIP LOCKED),
  queue AS MATERIALIZED (
    SELECT q.shard, q.number, h.due_at FROM heads h CROSS JOIN LATERAL (
      SELECT q.shard, q.number FROM posthorn.deliveries q
      WHERE q.state = 0 AND q.shard = h.shard AND q.endpoint = h.endpoint AND q.order_key = h.order_key AND q.number <> h.head
        AND q.due_at <= $3 AND q.claimed_by IS NULL
      ORDER BY q.number LIMIT ${deferMost}) q)
UPDATE posthorn.deliveries d SET due_at = greatest($3 + ${deferMs}, q.due_at) FROM queue q
WHERE d.shard = q.shard AND d.number = q.number AND d.state + 0 = 0 AND d.claimed_by IS NULL`;

const nextOf = `SELECT min(c.due_at) FROM (${endpoint}) p CROSS JOIN unnest($2::smallint[]) AS s (shard) CROSS JOIN LATERAL (
    SELECT d.due_at FROM posthorn.deliveries d WHERE d.state = 0 AND d.endpoint = p.num AND d.shard = s.shard
    ORDER BY d.due_at LIMIT 1) c`;

/** For each endpoint the shard that comes first in its next claim. */
export type Turns = Map<string, number>;

/** The shards in this claim's order: those from the endpoint's turn on, then those before it. */
function inTurn(shards: readonly number[], from: number): readonly number[] {
  const at = shards.findIndex((shard) => shard >= from);
  return at <= 0 ? shards : [...shards.slice(at), ...shards.slice(0, at)];
}

async function claimRows(
  db: Database,
  { endpointId, limit, now, leaseMs, node }: ClaimRequest,
  shards: readonly number[],
  keyed: boolean,
  turns: Turns,
): Promise<Row[]> {
  const leaseUntil = now + leaseMs;
  if (keyed) {
    // Twice its part, so that an uneven backlog still fills most of a claim.
    const perShard = Math.max(1, Math.ceil((2 * limit) / shards.length));
    await db.hot.query('claim_defer', defer, [endpointId, shards, now, limit, perShard]);
    const values = [endpointId, shards, now, limit, perShard, leaseUntil, node];
    return await db.hot.query('claim_keyed', claimKeyed, values);
  }
  const ordered = inTurn(shards, turns.get(endpointId) ?? 0);
  const rows = await db.hot.query('claim', claimAny, [endpointId, ordered, now, limit, leaseUntil, node]);
  // The last shard that was reached has had its turn, whatever is left in it.
  const reached = rows.map(([number]) => ordered.indexOf(shardOfNumber(number as number)));
  if (reached.length > 0) turns.set(endpointId, ordered[Math.max(...reached)]! + 1);
  return rows;
}

export async function claim(
  db: Database,
  request: ClaimRequest,
  keyed: boolean,
  turns: Turns,
): Promise<ClaimAnswer> {
  const { endpointId, limit, now } = request;
  const shards = request.shards ?? allShards;
  if (shards.length === 0) return { deliveries: [], nextDueAt: null };
  const leaseUntil = now + request.leaseMs;
  const rows = await claimRows(db, request, shards, keyed, turns);
  const deliveries: ClaimedDelivery[] = [];
  const tooMuch: ReleasedClaim[] = [];
  let payload = 0;
  for (const [number, fence, tries, createdAt, trigger, eventId, eventType, occurredAt, data] of rows as [
    number,
    number,
    number,
    number,
    number,
    string,
    string,
    number,
    string,
  ][]) {
    if (payload > request.maxPayload) {
      tooMuch.push({ number, claim: fence, dueAt: now });
      continue;
    }
    payload += data.length;
    deliveries.push({
      number,
      endpointId,
      claim: fence,
      leaseUntil,
      attemptsMade: tries,
      createdAt,
      trigger: triggers[trigger]!,
      eventId,
      eventType,
      occurredAt,
      data,
    });
  }
  await release(db, tooMuch);
  // A full claim says that there is more; asking how soon would cost as much as the next claim.
  if (rows.length >= limit) return { deliveries, nextDueAt: now };
  const [next] = await db.hot.query('claim_next', nextOf, [endpointId, shards]);
  return { deliveries, nextDueAt: (next?.[0] as number | null | undefined) ?? null };
}

export async function release(db: Database, claims: readonly ReleasedClaim[]): Promise<void> {
  if (claims.length === 0) return;
  await db.hot.query(
    'release',
    `UPDATE posthorn.deliveries d SET due_at = r.due_at, claimed_by = NULL
     FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS r (number, claim, due_at)
     WHERE d.shard = (r.number & 63)::smallint AND d.number = r.number AND d.state + 0 = 0 AND d.claim = r.claim AND d.claimed_by IS NOT NULL`,
    [claims.map(({ number }) => number), claims.map((c) => c.claim), claims.map(({ dueAt }) => dueAt)],
  );
}

export async function takeOver(db: Database, node: string, now: number): Promise<number> {
  const rows = await db.hot.query(
    'take_over',
    'UPDATE posthorn.deliveries SET due_at = $2, claimed_by = NULL WHERE state = 0 AND claimed_by = $1 RETURNING number',
    [node, now],
  );
  return rows.length;
}

/**
 * The earliest `due_at` of each endpoint in these shards. Steps from one (endpoint, shard) to the next through the
 * index, so its cost grows with how many of those have work, not with how much work there is.
 */
export async function nextDue(db: Database, shards: readonly number[] | null): Promise<DueHint[]> {
  const rows = await db.hot.query(
    'next_due',
    `WITH RECURSIVE steps AS (
       (SELECT endpoint, shard, due_at FROM posthorn.deliveries WHERE state = 0 ORDER BY endpoint, shard, due_at LIMIT 1)
       UNION ALL
       SELECT n.* FROM steps s CROSS JOIN LATERAL (
         SELECT d.endpoint, d.shard, d.due_at FROM posthorn.deliveries d
         WHERE d.state = 0 AND (d.endpoint, d.shard) > (s.endpoint, s.shard) ORDER BY d.endpoint, d.shard, d.due_at LIMIT 1) n)
     SELECT p.id, min(s.due_at) FROM steps s JOIN posthorn.endpoints p ON p.num = s.endpoint
     WHERE p.enabled AND p.deleted_at IS NULL AND s.shard = ANY ($1::smallint[]) GROUP BY p.id`,
    [shards ?? allShards],
  );
  return rows.map(([endpointId, dueAt]) => ({ endpointId: endpointId as string, dueAt: dueAt as number }));
}
