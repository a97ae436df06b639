import { shardOfNumber } from '../../domain/ids.ts';
import { latencyBucket } from '../../domain/latency.ts';
import type { SettleAnswer, Settlement } from '../store.ts';
import { redriveMark, stateNumbers, triggers } from '../rows.ts';
import { lockEndpoints, redriveEnded } from '../common/redrive-ended.ts';
import { Columns, parameter } from './columns.ts';
import { perform } from './common.ts';
import type { Database, Row, Value } from './database.ts';
import { notifyDue } from './notify-due.ts';
import { forShards } from './in-shards.ts';
import type { ShardName } from './shards.ts';
import { asExpressions, callOf, type Transition } from './transitions.ts';
import { addWorth, amountSums, worthInsert } from './worth.ts';

const outcome = new Columns<Settlement>(1, {
  number: ['bigint', ({ number }) => number],
  claim: ['int', ({ claim }) => claim],
  state: ['smallint', ({ state }) => stateNumbers[state]],
  due_at: ['bigint', ({ dueAt }) => dueAt],
  reason: ['text', ({ reason }) => reason],
  now: ['bigint', ({ now }) => now],
  started_at: ['bigint', ({ startedAt }) => startedAt],
  duration_ms: ['int', ({ durationMs }) => durationMs],
  status_code: ['int', ({ statusCode }) => statusCode],
  error_class: ['text', ({ errorClass }) => errorClass],
  message: ['text', ({ message }) => message],
  excerpt: ['text', ({ responseExcerpt }) => responseExcerpt],
  trigger: ['smallint', ({ trigger }) => triggers.indexOf(trigger)],
  late: ['boolean', ({ late }) => late],
  first: ['boolean', ({ first }) => first],
  keyed: ['boolean', ({ keyed }) => keyed],
  bucket: [
    'smallint',
    ({ state, now, createdAt }) => (state === 'delivered' ? latencyBucket(now - createdAt) : 0),
  ],
  created_at: ['bigint', ({ createdAt }) => createdAt],
  type: ['text', ({ eventType }) => eventType],
  lease_until: ['bigint', ({ leaseUntil }) => leaseUntil],
  wire: ['text', ({ wire }) => (wire === null ? null : JSON.stringify(wire))],
});
/** The node that all of them are of. */
const node = parameter(outcome.next, 'text');
/** The shard that all of them are in, if a statement names exactly one. */
const oneShardOnly = parameter(outcome.next + 1, 'smallint');
/** Redriven while the attempt was in flight, which is to be retried: as if the redrive had come just after (G3). */
const isRetryNow = `s.state = 0 AND d.trigger = ${redriveMark}`;
const manual = triggers.indexOf('manual');
/** Without an attempt (see `isAttempt`): the delivery keeps what its last one has come to. */
const isExpired = 's.state = 2 AND s.error_class IS NULL';
const settled = ({ dead }: Variant): string => {
  const made = dead ? `CASE WHEN ${isExpired} THEN 0 ELSE 1 END` : '1';
  const last = (column: string): string =>
    `${column} = ${dead ? `CASE WHEN ${isExpired} THEN d.${column} ELSE s.${column} END` : `s.${column}`}`;
  return `state = s.state, due_at = CASE WHEN ${isRetryNow} THEN s.now ELSE s.due_at END, settled_at = CASE WHEN s.state <> 0 THEN s.now END, reason = s.reason,
  claimed_by = NULL, attempts = d.attempts + ${made}, tries = d.tries + ${made}, trigger = CASE WHEN ${isRetryNow} THEN ${manual} ELSE 0 END,
  ${last('error_class')}, ${last('status_code')}, ${last('message')}`;
};
/** What the attempt log gets of rows. */
const isLogged = ({ dead }: Variant): string => (dead ? 'NOT (state = 2 AND error_class IS NULL)' : 'true');
// Adding 0 keeps the partial indexes of pending rows, which are searched by other columns, out of it.
// An outcome that ends a delivery which was redriven meanwhile goes its own way: see `settleMarked`.
const fence = `d.state + 0 = 0 AND d.claim = s.claim AND d.claimed_by IS NOT NULL AND NOT (s.state = 2 AND d.trigger = ${redriveMark})`;
/** A row as it was settled. */
const isRedriven = `d.trigger = ${manual} AS redriven`;
/** A migration: until when the claim of an attempt lasted, and how it went over the wire. */
export const attemptWireColumns =
  'ALTER TABLE posthorn.attempts ADD COLUMN lease_until bigint, ADD COLUMN wire text;';

const attemptColumns = `shard, delivery, n, started_at, duration_ms, status_code, outcome, error_class, message, response_excerpt,
  trigger, node, lease_until, wire`;
/** Texts of the same statement: what every batch would pay for stands only in those that have it. */
interface Variant {
  readonly oneShard: boolean;
  /** Some outcome ends in a dead letter, whose worth is counted. */
  readonly dead: boolean;
}

/**
 * Counters of the rows of `from`, in the statement of the outcomes themselves (G4). `own` and `superseded` say of a row whether
 * its outcome was applied, or came too late.
 */
function counters(
  from: string,
  own: string,
  superseded: string,
  { oneShard, dead }: Variant,
): Readonly<Record<string, string>> {
  const shard = ledgerShard(oneShard);
  const count = (condition: string): string => `count(*) FILTER (WHERE ${condition})`;
  const sums = [
    ['delivered', count(`${own} AND state = 1`)],
    ['dead', count(`${own} AND state = 2`)],
    ['late', count(`${own} AND state = 1 AND late`)],
    ['superseded', count(superseded)],
    ['first_attempts', count(`${own} AND first`)],
    ['first_delivered', count(`${own} AND first AND state = 1`)],
    ['recovered', count(`${own} AND NOT first AND state = 1 AND NOT late`)],
    ['held_late', count(`${own} AND first AND state = 1 AND late AND held`)],
  ] as const;
  const insert = (
    table: 'ledger' | 'counters',
    time: string,
    of: string,
    chosen: readonly (typeof sums)[number][],
  ): string => `
    INSERT INTO posthorn.${table} AS l (shard, endpoint, ${of}, writer, ${chosen.map(([name]) => name).join(', ')})
    SELECT ${shard}, endpoint, ${time}, ${node} || ':settle', ${chosen.map(([, sum]) => sum).join(', ')}
    FROM ${from} WHERE ${own} OR ${superseded} GROUP BY endpoint, ${time}
    ON CONFLICT (shard, endpoint, ${of}, writer)
      DO UPDATE SET ${chosen.map(([name]) => `${name} = l.${name} + excluded.${name}`).join(', ')}`;
  return {
    ledger: insert('ledger', 'hour', 'hour', sums.slice(0, 6)),
    counters: insert('counters', 'created_at / 60000, type', 'minute, type', sums),
    failures: `
    INSERT INTO posthorn.failures AS l (shard, endpoint, hour, type, class, writer, count)
    SELECT ${shard}, endpoint, hour, type, error_class, ${node} || ':settle', count(*) FROM ${from}
    WHERE ${own} AND error_class IS NOT NULL GROUP BY 2, 3, 4, 5
    ON CONFLICT (shard, endpoint, hour, type, class, writer) DO UPDATE SET count = l.count + excluded.count`,
    latency: `
    INSERT INTO posthorn.latency AS l (shard, endpoint, hour, bucket, type, writer, count)
    SELECT ${shard}, endpoint, hour, bucket, type, ${node} || ':settle', count(*) FROM ${from} WHERE ${own} AND state = 1
    GROUP BY 2, 3, 4, 5
    ON CONFLICT (shard, endpoint, hour, bucket, type, writer) DO UPDATE SET count = l.count + excluded.count`,
    ...(dead
      ? {
          worth: `
    ${worthInsert('dead')}
    SELECT ${shard}, f.endpoint, f.hour, coalesce(e.currency, ''), ${node} || ':settle', ${amountSums}
    -- LIMIT keeps the planner to a lookup by key.
    FROM (SELECT * FROM ${from}) f LEFT JOIN LATERAL (SELECT e.currency, e.amount_minor FROM posthorn.events e
      WHERE e.shard = ${oneShard ? shard : 'f.shard'} AND e.number = f.event_number LIMIT 1) e ON true
    WHERE ${own} AND f.state = 2 GROUP BY 2, 3, 4
    ${addWorth('dead')}`,
        }
      : {}),
  };
}

/** The successor of an ordering key is due when its head has ended. */
const wake = (ended: string, oneShard: boolean): string => `
  -- Whatever its due_at: it may be deferred in this very moment, and the newest version of the row is what counts.
  UPDATE posthorn.deliveries d SET due_at = w.now FROM (
    SELECT ${oneShard ? '' : 's.shard, '}s.now, (SELECT b.number FROM posthorn.deliveries b WHERE b.state = 0 AND b.shard = ${oneShard ? oneShardOnly : 's.shard'}
      AND b.endpoint = s.endpoint AND b.order_key = s.order_key AND b.number <> s.number ORDER BY b.number LIMIT 1) AS number
    FROM ${ended} WHERE s.keyed AND s.order_key IS NOT NULL AND s.state <> 0) w
  WHERE d.shard = ${oneShard ? oneShardOnly : 'w.shard'} AND d.number = w.number AND d.state + 0 = 0 AND d.claimed_by IS NULL`;

/** A settlement's shard: its own parameter where a statement names exactly one, else by the number of each. */
const shardOf = (oneShard: boolean, number: string): string =>
  oneShard ? oneShardOnly : `(${number} & 63)::smallint`;
/** Where the counters stand: beside the rows where the tables are distributed, else in one place. */
const ledgerShard = (oneShard: boolean): string => (oneShard ? oneShardOnly : '0');

const ownUpdate = (
  { oneShard, dead }: Variant,
  returning: string,
): string => `UPDATE posthorn.deliveries d SET ${settled({ oneShard, dead })} FROM ${outcome.rows} WITH ORDINALITY AS s (${outcome.names}, ord)
    WHERE d.shard = ${shardOf(oneShard, 's.number')} AND d.number = s.number AND ${fence}
    RETURNING ${returning}`;

const log = (variant: Variant, from: string): string => `INSERT INTO posthorn.attempts (${attemptColumns})
    SELECT ${variant.oneShard ? oneShardOnly : 'shard'}, number, claim, started_at, duration_ms, status_code,
      CASE state WHEN 0 THEN 'retry' WHEN 1 THEN 'delivered' ELSE 'dead' END, error_class, message, excerpt, trigger, ${node}, lease_until, wire FROM ${from} WHERE ${isLogged(variant)}`;

/**
 * One statement is the whole transaction (G4): the fenced update (G3), the attempt log, the counters, and the
 * successor of an ordering key. It takes the outcomes whose fence holds, which is nearly all of them, and finds each
 * delivery once. An outcome whose fence holds is in no attempt log yet: settling it is what gives the claim up.
 */
function settleOwn(dead: boolean): string {
  const variant = { oneShard: false, dead };
  const returning = `d.shard, d.endpoint, d.order_key, d.held,${dead ? ' d.event_number,' : ''} s.created_at / 3600000 AS hour, ${isRedriven}, s.*`;
  return `WITH
  own AS (${ownUpdate(variant, returning)}),
  logged AS (${log(variant, 'own')}),
  ${asExpressions(counters('own', 'true', 'false', variant))},
  woken AS (${wake('own s', false)})
SELECT ord, redriven FROM own`;
}

/** The same for one shard: what the fenced update answers is kept in arrays for the statements after it. */
function settleInShard(dead: boolean): Transition {
  const variant = { oneShard: true, dead };
  const own = `(SELECT o.*, s.created_at / 3600000 AS hour, s.*
      FROM unnest(own_ord, own_endpoint, own_key, own_held, own_event) AS o (place, endpoint, order_key, held, event_number)
      JOIN ${outcome.rows} WITH ORDINALITY AS s (${outcome.names}, ord) ON s.ord = o.place)`;
  return {
    name: dead ? 'settle_dead' : 'settle',
    parameters: [...outcome.types, 'text', 'smallint'],
    shardAt: outcome.next + 1,
    returns: 'int[]',
    variables: `own_ord int[]; own_endpoint int[]; own_key text[]; own_held boolean[]; own_event bigint[]; own_redriven boolean[];`,
    statements: [
      `WITH own AS (${ownUpdate(variant, `s.ord, d.endpoint, d.order_key, d.held, d.event_number, ${isRedriven}`)})
    SELECT array_agg(o.ord::int), array_agg(o.endpoint), array_agg(o.order_key), array_agg(o.held), array_agg(o.event_number), array_agg(o.redriven)
    INTO own_ord, own_endpoint, own_key, own_held, own_event, own_redriven FROM own o`,
      log(variant, `${own} own`),
      ...Object.values(counters(`${own} own`, 'true', 'false', variant)),
      wake(`${own} s`, true),
      // The place of each; what was redriven is below zero.
      'RETURN (SELECT array_agg(CASE WHEN redriven THEN -ord ELSE ord END) FROM unnest(own_ord, own_redriven) AS o (ord, redriven))',
    ],
  };
}

/**
 * The same for what is left: an outcome that comes too late is logged as superseded. It may be run twice with the same
 * outcomes, as happens where the connection was lost before its answer came: what is in the attempt log already is
 * answered as it was, and counted no more. Where the data of its event were deleted, nothing of its answer is kept.
 */
const settleRest = ({ oneShard, dead }: Variant): string => `WITH
  s AS MATERIALIZED (
    SELECT u.*, (u.number & 63)::smallint AS shard, d.endpoint, d.order_key, d.held,${dead ? ' d.event_number,' : ''} a.outcome IS NOT NULL AS logged,
      v.data_deleted_at IS NULL AS kept,
      a.started_at = u.started_at AND a.outcome = CASE u.state WHEN 0 THEN 'retry' WHEN 1 THEN 'delivered' ELSE 'dead' END AS again,
      row_number() OVER (PARTITION BY u.number, u.claim ORDER BY u.ord) = 1 AS foremost
    FROM ${outcome.rows} WITH ORDINALITY AS u (${outcome.names}, ord)
    -- LIMIT keeps the planner to a lookup by key, whatever it believes about the size of these tables.
    CROSS JOIN LATERAL (
      SELECT * FROM posthorn.deliveries d WHERE d.shard = ${shardOf(oneShard, 'u.number')} AND d.number = u.number LIMIT 1) d
    LEFT JOIN LATERAL (
      SELECT * FROM posthorn.attempts a WHERE a.shard = ${oneShard ? oneShardOnly : 'd.shard'} AND a.delivery = d.number AND a.n = u.claim LIMIT 1) a ON true
    -- FOR SHARE: a deletion of these data either is over and seen here, or finds this attempt.
    LEFT JOIN LATERAL (
      SELECT e.data_deleted_at FROM posthorn.events e WHERE e.shard = ${oneShard ? oneShardOnly : 'd.shard'} AND e.number = d.event_number LIMIT 1 FOR SHARE) v ON true),
  applied AS (
    UPDATE posthorn.deliveries d SET ${settled({ oneShard, dead })} FROM s
    WHERE d.shard = ${oneShard ? oneShardOnly : 's.shard'} AND d.number = s.number AND ${fence} AND s.foremost
    RETURNING s.ord, ${isRedriven}),
  decided AS MATERIALIZED (
    -- IN in the list of columns is looked up in a hash; a join would compare every row with every other.
    SELECT x.*, NOT x.own AND NOT x.logged AND x.foremost AND ${isLogged({ oneShard, dead })} AS superseded
    FROM (SELECT s.*, s.ord IN (SELECT ord FROM applied) AS own, s.created_at / 3600000 AS hour FROM s) x),
  logged AS (
    INSERT INTO posthorn.attempts (${attemptColumns})
    SELECT ${oneShard ? oneShardOnly : 'shard'}, number, claim, started_at, duration_ms, status_code,
      CASE WHEN NOT own THEN 'superseded' WHEN state = 0 THEN 'retry' WHEN state = 1 THEN 'delivered' ELSE 'dead' END,
      error_class, CASE WHEN kept THEN message END, CASE WHEN kept THEN excerpt END, trigger, ${node}, lease_until,
      CASE WHEN kept THEN wire END FROM decided WHERE foremost AND ${isLogged({ oneShard, dead })}
    ON CONFLICT DO NOTHING),
  ${asExpressions(counters('decided', 'own', 'superseded', { oneShard, dead }))},
  woken AS (${wake('s', oneShard)})
SELECT ord, own OR coalesce(again, false), ord IN (SELECT ord FROM applied WHERE redriven) FROM decided`;

interface Texts {
  readonly own: string;
  readonly rest: string;
  /** The names of both. */
  readonly suffix: string;
}
export const settleTransitions = { usual: settleInShard(false), dead: settleInShard(true) };
const texts: Readonly<Record<'spanning' | 'single', Readonly<Record<'usual' | 'dead', Texts>>>> = {
  spanning: {
    usual: { own: settleOwn(false), rest: settleRest({ oneShard: false, dead: false }), suffix: '' },
    dead: { own: settleOwn(true), rest: settleRest({ oneShard: false, dead: true }), suffix: '_dead' },
  },
  single: {
    usual: {
      own: callOf(settleTransitions.usual),
      rest: settleRest({ oneShard: true, dead: false }),
      suffix: '_one',
    },
    dead: {
      own: callOf(settleTransitions.dead),
      rest: settleRest({ oneShard: true, dead: true }),
      suffix: '_dead_one',
    },
  },
};

/**
 * Settles the last outcome of a schedule whose delivery was redriven while it was in flight, and begins the fresh one, in one
 * transaction: as if the redrive had come just after (G3). Null if this is none of these.
 */
async function settleMarked(
  db: Database,
  { number, claim, eventType: type, createdAt, now }: Settlement,
  sql: string,
  name: string,
  values: readonly Value[],
): Promise<SettleAnswer | null> {
  return await db.transaction(async (connection) => {
    const unmarked = await connection.query(
      'settle_unmark',
      `UPDATE posthorn.deliveries SET trigger = 0 WHERE shard = $1 AND number = $2 AND state + 0 = 0 AND claim = $3
         AND claimed_by IS NOT NULL AND trigger = ${redriveMark} RETURNING endpoint`,
      [shardOfNumber(number), number, claim],
    );
    if (unmarked.length === 0) return null;
    const endpoint = unmarked[0]![0] as number;
    await connection.query(name, sql, values);
    if ((await perform(connection, lockEndpoints([endpoint]))).size === 0) return 'applied';
    const dead = { number, state: stateNumbers.dead, endpoint, createdAt, type };
    await perform(connection, redriveEnded([dead], { trigger: 'manual', now }));
    return 'redriven';
  });
}

/** Places, and what was redriven. */
type Places = (rows: readonly Row[]) => readonly (readonly [number, boolean])[];
const placesFromRows: Places = (rows) => rows as [number, boolean][];
/** As a function answers them. */
const placesFromArray: Places = (rows) =>
  ((rows[0]?.[0] ?? []) as unknown as readonly number[]).map((place) => [Math.abs(place), place < 0]);

/** Settles outcomes of one shard, or of any if statements may span shards. */
async function settleBatch(
  db: Database,
  settlements: readonly Settlement[],
  shard: ShardName,
): Promise<SettleAnswer[]> {
  const connection = db.hot;
  const answers = settlements.map((): SettleAnswer => 'superseded');
  const hasDead = settlements.some(({ state }) => state === 'dead');
  const sql = db.shards.choose(texts)[hasDead ? 'dead' : 'usual'];
  const { suffix } = sql;
  const values = (indexes: readonly number[]): Value[] => [
    ...outcome.values(
      indexes.map((index) => settlements[index]!),
      undefined,
    ),
    settlements[0]!.node,
    ...shard.values,
  ];
  // One outcome of a delivery at a time: an update takes any of two, and the first is the one that counts.
  const first = new Map<number, number>();
  for (const [index, { number }] of settlements.entries()) if (!first.has(number)) first.set(number, index);
  const indexes = [...first.values()];
  const rows = await connection.query(`settle${suffix}`, sql.own, values(indexes));
  const own = db.shards.choose({ spanning: placesFromRows, single: placesFromArray })(rows);
  for (const [ord, isRedriven] of own) answers[indexes[ord - 1]!] = isRedriven ? 'redriven' : 'applied';
  if (own.length === settlements.length) return answers;

  for (const [index, settlement] of settlements.entries())
    if (answers[index] === 'superseded' && settlement.state === 'dead')
      answers[index] =
        (await settleMarked(db, settlement, sql.own, `settle${suffix}`, values([index]))) ?? 'superseded';
  const rest = settlements.flatMap((_, index) => (answers[index] === 'superseded' ? [index] : []));
  if (rest.length === 0) return answers;
  const decided = await connection.query(`settle_rest${suffix}`, sql.rest, values(rest));
  // A delivery that was pruned meanwhile is in no row, and its outcome changed nothing.
  for (const [ord, isApplied, isRedriven] of decided)
    if (isApplied === true)
      answers[rest[(ord as number) - 1]!] = isRedriven === true ? 'redriven' : 'applied';
  return answers;
}

async function settleAll(db: Database, settlements: readonly Settlement[]): Promise<SettleAnswer[]> {
  const answers = settlements.map((): SettleAnswer => 'superseded');
  const indexed = settlements.map((settlement, index) => ({ settlement, index }));
  const shardOf = ({ settlement }: (typeof indexed)[number]): number => shardOfNumber(settlement.number);
  // What belongs together (G4) is in one shard, so each may be a transaction of its own.
  await forShards(db, indexed, shardOf, async (group, shard) => {
    const of = group.map(({ settlement }) => settlement);
    const settled = await settleBatch(db, of, shard);
    for (const [at, { index }] of group.entries()) answers[index] = settled[at]!;
  });
  return answers;
}

export async function settle(db: Database, settlements: readonly Settlement[]): Promise<SettleAnswer[]> {
  if (settlements.length === 0) return [];
  const answers = await settleAll(db, settlements);
  // This node reads it in the answer; the shard may belong to another node by now.
  if (answers.includes('redriven'))
    void notifyDue(
      db,
      settlements.filter((_, index) => answers[index] === 'redriven').map(({ endpointId }) => endpointId),
    );
  return answers;
}
