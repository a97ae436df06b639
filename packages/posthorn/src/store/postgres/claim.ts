import type { Endpoint } from '../../domain/endpoint.ts';
import { blocksKeys } from '../../domain/ordering.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { allShards } from '../../domain/shard.ts';
import type {
  BringForwardRequest,
  ClaimAnswer,
  ClaimedDelivery,
  ClaimRequest,
  DueHint,
  ReleasedClaim,
} from '../store.ts';
import { triggers } from '../rows.ts';
import { endpointOf, inOneShard, nextOfEach, overShards } from './claim-sql.ts';
import type { Database, Row } from './database.ts';
import { inShards } from './in-shards.ts';

/** How an endpoint keeps the order of keys; `block`: past no dead letter. */
export type Order = 'none' | 'key' | 'block';

export function orderOf(endpoint: Endpoint): Order {
  return blocksKeys(endpoint) ? 'block' : endpoint.ordering;
}

/**
 * So few are the oldest of all shards: what an endpoint takes one by one (a low rate limit, one attempt at a time) it gets in
 * order. More come from one shard after the other, which reads no row that is not claimed.
 */
const oldestFirstUpTo = 4;

/** For each endpoint the shard that comes first in its next claim. */
export type Turns = Map<string, number>;

/** The shards in this claim's order: those from the endpoint's turn on, then those before it. */
function inTurn(shards: readonly number[], from: number): readonly number[] {
  const at = shards.findIndex((shard) => shard >= from);
  return at <= 0 ? shards : [...shards.slice(at), ...shards.slice(0, at)];
}

type ClaimRows = (
  db: Database,
  request: ClaimRequest,
  shards: readonly number[],
  order: Order,
  turns: Turns,
) => Promise<{ readonly rows: readonly Row[]; readonly next: number | null }>;

const claimTogether: ClaimRows = async (db, request, shards, order, turns) => {
  const rows = await claimOverShards(db, request, shards, order, turns);
  // A full claim says that there is more; asking how soon would cost as much as the next claim.
  if (rows.length >= request.limit) return { rows, next: request.now };
  const [next] = await db.hot.query('claim_next', overShards.next, [request.endpointId, shards]);
  return { rows, next: (next?.[0] as number | null | undefined) ?? null };
};

async function claimOverShards(
  db: Database,
  { endpointId, limit, now, leaseMs, node }: ClaimRequest,
  shards: readonly number[],
  order: Order,
  turns: Turns,
): Promise<Row[]> {
  const leaseUntil = now + leaseMs;
  const blocks = order === 'block';
  if (order !== 'none' || limit <= oldestFirstUpTo) {
    // Twice its part, so that an uneven backlog still fills most of a claim.
    const perShard = limit <= oldestFirstUpTo ? limit : Math.max(1, Math.ceil((2 * limit) / shards.length));
    const chosen = [endpointId, shards, now, limit, perShard];
    if (blocks) await db.hot.query('claim_defer_blocked', overShards.blockedDefer, chosen);
    else if (order === 'key') await db.hot.query('claim_defer', overShards.defer, chosen);
    const values = [...chosen, leaseUntil, node];
    return blocks
      ? await db.hot.query('claim_keyed_blocked', overShards.blockedKeyed, values)
      : await db.hot.query('claim_keyed', overShards.keyed, values);
  }
  const ordered = inTurn(shards, turns.get(endpointId) ?? 0);
  const rows = await db.hot.query('claim', overShards.any, [
    endpointId,
    ordered,
    now,
    limit,
    leaseUntil,
    node,
  ]);
  // The last shard that was reached has had its turn, whatever is left in it.
  const reached = rows.map(([number]) => ordered.indexOf(shardOfNumber(number as number)));
  if (reached.length > 0) turns.set(endpointId, ordered[Math.max(...reached)]! + 1);
  return rows;
}

/**
 * The same by claims of one shard each. The shard whose turn it is often has enough; else all others are asked when they have
 * work, by one statement, which costs less than claiming from those that have none.
 */
const claimByShard: ClaimRows = async (
  db,
  { endpointId, limit, now, leaseMs, node },
  shards,
  order,
  turns,
) => {
  const [endpoint] = await db.hot.query('claim_endpoint', endpointOf, [endpointId]);
  if (endpoint === undefined) return { rows: [], next: null };
  const num = endpoint[0] as number;
  const rows: Row[] = [];
  const claimFrom = async (shard: number): Promise<void> => {
    const left = limit - rows.length;
    const chosen = [num, shard, now, left, left];
    const values = [...chosen, now + leaseMs, node];
    if (order === 'block') {
      await db.hot.query('claim_defer_blocked_one', inOneShard.blockedDefer, chosen);
      rows.push(...(await db.hot.query('claim_keyed_blocked_one', inOneShard.blockedKeyed, values)));
    } else if (order === 'key') {
      await db.hot.query('claim_defer_one', inOneShard.defer, chosen);
      rows.push(...(await db.hot.query('claim_keyed_one', inOneShard.keyed, values)));
    } else {
      const any = [num, shard, now, left, now + leaseMs, node];
      rows.push(...(await db.hot.query('claim_one', inOneShard.any, any)));
    }
  };
  const nextOf = async (of: readonly number[]): Promise<Map<number, number>> =>
    new Map((await db.hot.query('claim_next_each', nextOfEach, [num, of])) as [number, number][]);
  const [first, ...others] = inTurn(shards, turns.get(endpointId) ?? 0);
  await claimFrom(first!);
  const times = rows.length < limit ? await nextOf(others) : new Map<number, number>();
  const claimed = [first!];
  for (const shard of others) {
    if (rows.length >= limit) break;
    if ((times.get(shard) ?? Number.POSITIVE_INFINITY) > now) continue;
    await claimFrom(shard);
    claimed.push(shard);
  }
  if (rows.length >= limit) {
    turns.set(endpointId, claimed.at(-1)! + 1);
    return { rows, next: now };
  }
  const left = await nextOf(claimed);
  const all = [
    ...others.filter((shard) => !claimed.includes(shard)).map((shard) => times.get(shard)),
    ...left.values(),
  ];
  const known = all.filter((time) => time !== undefined);
  return { rows, next: known.length === 0 ? null : Math.min(...known) };
};

export async function claim(
  db: Database,
  request: ClaimRequest,
  order: Order,
  turns: Turns,
): Promise<ClaimAnswer> {
  const shards = request.shards ?? allShards;
  if (shards.length === 0) return { deliveries: [], nextDueAt: null };
  const claimRows = db.shards.choose({ spanning: claimTogether, single: claimByShard });
  const { rows, next } = await claimRows(db, request, shards, order, turns);
  const deliveries = await keepWithin(db, request, rows);
  return { deliveries, nextDueAt: deliveries.length < rows.length ? request.now : next };
}

/** What was claimed, as far as its payloads are not too much together; the rest is given back. */
async function keepWithin(
  db: Database,
  { endpointId, now, leaseMs, maxPayload }: ClaimRequest,
  rows: readonly Row[],
): Promise<ClaimedDelivery[]> {
  const leaseUntil = now + leaseMs;
  const deliveries: ClaimedDelivery[] = [];
  const tooMuch: ReleasedClaim[] = [];
  let payload = 0;
  for (const row of rows) {
    const [number, fence, tries, createdAt, trigger, eventId, eventType, occurredAt, data, intact, dueAt] =
      row as [number, number, number, number, number, string, string, number, string, boolean, number];
    if (payload > maxPayload) {
      tooMuch.push({ number, claim: fence, dueAt });
      continue;
    }
    payload += data.length;
    deliveries.push({
      number,
      endpointId,
      claim: fence,
      dueAt,
      leaseUntil,
      attemptsMade: tries,
      createdAt,
      trigger: triggers[trigger]!,
      eventId,
      eventType,
      occurredAt,
      data,
      intact,
    });
  }
  await release(db, tooMuch);
  return deliveries;
}

export async function release(db: Database, claims: readonly ReleasedClaim[]): Promise<void> {
  const shardOf = ({ number }: ReleasedClaim): number => shardOfNumber(number);
  await inShards(db.hot, claims, shardOf, (of, shard) =>
    db.hot.query(
      `release${shard.suffix}`,
      `UPDATE posthorn.deliveries d SET due_at = r.due_at, claimed_by = NULL
       FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS r (number, claim, due_at)
       WHERE d.shard = ${shard.at('$4::smallint', '(r.number & 63)::smallint')} AND d.number = r.number AND d.state + 0 = 0
         AND d.claim = r.claim AND d.claimed_by IS NOT NULL`,
      [of.map(({ number }) => number), of.map((c) => c.claim), of.map(({ dueAt }) => dueAt), ...shard.values],
    ),
  );
}

/** What waits behind an earlier one of its key was not tried yet: brought forward, it would only be deferred again. */
const chosenRows: Readonly<Record<BringForwardRequest['only'], string>> = {
  all: '(x.order_key IS NULL OR x.tries > 0)',
  throttled: 'x.status_code IN (429, 503)',
  deferred: 'x.order_key IS NOT NULL AND x.tries = 0',
};

export async function bringForward(
  db: Database,
  { endpointId, only, now, limit }: BringForwardRequest,
): Promise<number> {
  const same = (shard: number): number => shard;
  const moved = await inShards(db.hot, allShards, same, (_, { suffix, at, values }) =>
    db.hot.query(
      `bring_forward_${only}${suffix}`,
      `UPDATE posthorn.deliveries d SET due_at = $2 FROM (
         SELECT x.shard, x.number FROM posthorn.deliveries x
         WHERE x.state = 0 AND x.endpoint = (SELECT num FROM posthorn.endpoints WHERE id = $1) AND x.shard = ${at('$4::smallint', 'x.shard')}
           AND x.due_at > $2 AND x.claimed_by IS NULL AND ${chosenRows[only]}
         LIMIT $3 FOR UPDATE SKIP LOCKED) m
       WHERE d.shard = ${at('$4::smallint', 'm.shard')} AND d.number = m.number RETURNING d.number`,
      [endpointId, now, limit, ...values],
    ),
  );
  return moved.length;
}

/** At the start of a node and after the death of another: this one may span shards anywhere. */
export async function takeOver(db: Database, node: string, now: number): Promise<number> {
  const taken = await db.hot.query(
    'take_over',
    'UPDATE posthorn.deliveries SET due_at = $2, claimed_by = NULL WHERE state = 0 AND claimed_by = $1 RETURNING number',
    [node, now],
  );
  return taken.length;
}

/** Steps from one (endpoint, shard) to the next through the index, so its cost grows with how many of those have work. */
const nextDueSql = `WITH RECURSIVE steps AS (
    (SELECT endpoint, shard, due_at FROM posthorn.deliveries WHERE state = 0 ORDER BY endpoint, shard, due_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM steps s CROSS JOIN LATERAL (
      SELECT d.endpoint, d.shard, d.due_at FROM posthorn.deliveries d
      WHERE d.state = 0 AND (d.endpoint, d.shard) > (s.endpoint, s.shard) ORDER BY d.endpoint, d.shard, d.due_at LIMIT 1) n)
  SELECT p.id, min(s.due_at) FROM steps s JOIN posthorn.endpoints p ON p.num = s.endpoint
  WHERE p.enabled AND p.deleted_at IS NULL AND s.shard = ANY ($1::smallint[]) GROUP BY p.id`;

/** In one shard there are only its own rows to step over. */
const nextDueOneSql = `WITH RECURSIVE steps AS (
    (SELECT endpoint, due_at FROM posthorn.deliveries WHERE state = 0 AND shard = $1::smallint ORDER BY endpoint, due_at LIMIT 1)
    UNION ALL
    SELECT n.* FROM steps s CROSS JOIN LATERAL (
      SELECT d.endpoint, d.due_at FROM posthorn.deliveries d
      WHERE d.state = 0 AND d.shard = $1::smallint AND d.endpoint > s.endpoint ORDER BY d.endpoint, d.due_at LIMIT 1) n)
  SELECT p.id, s.due_at FROM steps s JOIN posthorn.endpoints p ON p.num = s.endpoint WHERE p.enabled AND p.deleted_at IS NULL`;

/** So few endpoints are asked for in each shard by one statement; one for each shard steps over those that have no work. */
const fewEndpoints = 100;
const endpointsSql =
  'SELECT count(*) FROM (SELECT 1 FROM posthorn.endpoints WHERE enabled AND deleted_at IS NULL LIMIT $1) p';
/** Each worker looks into its own shards. */
const nextDueOfFewSql = `SELECT e.id, min(e.due_at) FROM (
    SELECT p.id, (SELECT min(d.due_at) FROM posthorn.deliveries d WHERE d.shard = s.shard AND d.state = 0 AND d.endpoint = p.num) AS due_at
    FROM posthorn.shards s CROSS JOIN posthorn.endpoints p
    WHERE s.shard = ANY ($1::smallint[]) AND p.enabled AND p.deleted_at IS NULL) e
  WHERE e.due_at IS NOT NULL GROUP BY e.id`;

async function nextDueByShard({ hot }: Database, shards: readonly number[]): Promise<Row[]> {
  const [row] = await hot.query('next_due_endpoints', endpointsSql, [fewEndpoints + 1]);
  if ((row![0] as number) <= fewEndpoints) return await hot.query('next_due_few', nextDueOfFewSql, [shards]);
  return (await Promise.all(shards.map((shard) => hot.query('next_due_one', nextDueOneSql, [shard])))).flat();
}

/** The earliest `due_at` of each endpoint in these shards. */
export async function nextDue(db: Database, shards: readonly number[] | null): Promise<DueHint[]> {
  const mine = shards ?? allShards;
  const read = db.shards.choose({
    spanning: () => db.hot.query('next_due', nextDueSql, [mine]),
    single: () => nextDueByShard(db, mine),
  });
  const rows = await read();
  const earliest = new Map<string, number>();
  for (const [id, dueAt] of rows as [string, number][])
    earliest.set(id, Math.min(dueAt, earliest.get(id) ?? dueAt));
  return [...earliest].map(([endpointId, dueAt]) => ({ endpointId, dueAt }));
}
