import { shardOfNumber } from '../../domain/ids.ts';
import { type BlockingListings, type BlockingWrites, maxCountedBlocked } from '../blocking.ts';
import { blockedKeyOf } from '../rows.ts';
import { type Cold, separately, transaction } from './methods.ts';
import {
  all,
  bytewise,
  deliveriesOfEach,
  givenAnyOf,
  inList,
  inOrder,
  isAnyOf,
  limit,
  ofTenants,
  sameShard,
  table,
} from './pieces.ts';
import { per, raw, type Sql, sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

// Conditions on rows, for statements that join deliveries `d` with their endpoints `p`.

/** Whether an endpoint `p`, deleted or not, keeps the order of its keys past no dead letter. */
export const blocksKeys: Sql = sql`(p.deleted_at IS NULL AND p.document ->> 'ordering' = 'key' AND p.document ->> 'onDead' = 'block')`;

/** The first dead letter of the key of the delivery `d`, before it. */
export const firstDeadBefore: Sql = sql`(SELECT min(b.number) FROM ${table('deliveries')} b WHERE b.state = 2 AND b.order_key IS NOT NULL
  AND ${sameShard('b', 'd')}b.endpoint = d.endpoint AND b.order_key = d.order_key AND b.number < d.number)`;

/** The dead letter that holds the delivery `d` at the endpoint `p`; null if none does. */
export const blockedBy: Sql = sql`CASE WHEN d.state = 0 AND d.order_key IS NOT NULL AND ${blocksKeys} THEN ${firstDeadBefore} END`;

const deliveries = table('deliveries');
const maxCounted = raw(String(maxCountedBlocked));

const ofSameKey = sql`q.endpoint = d.endpoint AND q.order_key = d.order_key AND q.number > d.number`;

/**
 * How many pending deliveries wait behind the dead letter `d`, whose event is `e`. Distributed tables are counted by a subquery that
 * depends on another of them, without a limit of its own.
 */
const waiting: Sql = per(({ isDistributed }) =>
  isDistributed
    ? sql`least((SELECT count(*) FROM ${deliveries} q WHERE q.state = 0 AND q.order_key IS NOT NULL
        AND ${sameShard('q', 'e')}${ofSameKey}), ${maxCounted})`
    : sql`(SELECT count(*) FROM (SELECT 1 FROM ${deliveries} q WHERE q.state = 0 AND q.order_key IS NOT NULL
        AND ${sameShard('q', 'd')}${ofSameKey} LIMIT ${maxCounted}) c)`,
);

/** Whether the dead letter `d` is the first of its key. */
const isFirst: Sql = sql`NOT EXISTS (SELECT 1 FROM ${deliveries} b WHERE b.state = 2 AND b.order_key IS NOT NULL
  AND ${sameShard('b', 'd')}b.endpoint = d.endpoint AND b.order_key = d.order_key AND b.number < d.number)`;

/**
 * In PostgreSQL the successor is woken whatever its due_at: it may be deferred in this very moment, and the newest version of the row
 * is what counts.
 */
const isLater = (now: number): Sql =>
  per(({ name }) => (name === 'sqlite' ? sql`AND w.due_at > ${now}` : raw('')));

/** Makes the first pending delivery of a key due after one of the key has ended, or a dead one counts no more. */
export function* wakeSuccessor(
  {
    shard,
    endpoint,
    orderKey,
  }: { readonly shard: number; readonly endpoint: number; readonly orderKey: string },
  now: number,
): Steps<void> {
  yield* changes(
    sql`UPDATE ${deliveries} AS w SET due_at = ${now} WHERE ${inList('w', shard)} AND w.claimed_by IS NULL AND w.state + 0 = 0
      ${isLater(now)} AND w.number = (SELECT d.number FROM ${deliveries} d
        WHERE d.state = 0 AND ${inList('d', shard)} AND d.endpoint = ${endpoint} AND d.order_key = ${orderKey} ORDER BY d.number LIMIT 1)`,
  );
}

export const blockingWrites: Cold<BlockingWrites> = {
  freeKeys: transaction(function* ({ endpointId, now, after, limit: max }) {
    const known = yield* row(sql`SELECT num FROM ${table('endpoints')} WHERE id = ${endpointId}`);
    if (known === undefined) return null;
    const endpoint = known[0] as number;
    const found = yield* rows(
      sql`SELECT number, order_key FROM ${deliveries} WHERE state = 2 AND state >= 2 AND endpoint = ${endpoint} AND number > ${after}
        AND order_key IS NOT NULL ORDER BY number ${limit(max)}`,
    );
    for (const [number, orderKey] of found)
      yield* wakeSuccessor(
        { shard: shardOfNumber(number as number), endpoint, orderKey: orderKey as string },
        now,
      );
    return found.length < max ? null : (found.at(-1)![0] as number);
  }),
};

export const blockingListings: Cold<BlockingListings> = {
  /** Each endpoint gives its first ones by number, in the order of its index of ended deliveries, whose condition is `state >= 2`. */
  blockedKeys: separately(function* ({ endpointIds, after, limit: max, ...tenants }) {
    const behind =
      after === null
        ? raw('-1')
        : sql`CASE WHEN p.id = ${after.endpointId} THEN CAST(${after.number} AS bigint) ELSE -1 END`;
    const found = yield* rows(
      sql`WITH d AS MATERIALIZED (
          SELECT p.id, p.tenant, d.shard, d.number, d.endpoint, d.event_number, d.order_key, d.settled_at, d.reason, d.error_class
          FROM ${table('endpoints')} p
            ${deliveriesOfEach(
              sql`d.state = 2 AND d.state >= 2 AND d.endpoint = p.num AND d.order_key IS NOT NULL AND d.number > ${behind}
              AND ${isFirst}`,
              sql`ORDER BY d.number ${limit(max)}`,
            )}
          WHERE ${all([
            blocksKeys,
            ofTenants('p.tenant', tenants),
            givenAnyOf('p.id', endpointIds),
            after === null ? null : sql`${bytewise('p.id')} >= ${after.endpointId}`,
          ])}
          ORDER BY ${bytewise('p.id')}, d.number ${limit(max)})
        SELECT d.id, d.tenant, d.number, d.order_key, d.settled_at, d.reason, d.error_class, e.id, e.type, ${waiting}
        FROM d ${inOrder} ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
        ORDER BY ${bytewise('d.id')}, d.number`,
    );
    return found.map(blockedKeyOf);
  }),

  deadKeyCounts: separately(function* (endpointIds) {
    const keys = sql`(SELECT count(*) FROM (SELECT DISTINCT d.shard, d.order_key FROM ${deliveries} d
      WHERE d.state = 2 AND d.order_key IS NOT NULL AND d.endpoint = p.num LIMIT ${maxCounted}) d)`;
    const chosen = sql`${isAnyOf('p.id', endpointIds, 'text')} AND p.deleted_at IS NULL`;
    const found = yield* rows(
      per(({ isDistributed }) =>
        isDistributed
          ? sql`SELECT p.id, least(count(*), ${maxCounted}) FROM (SELECT DISTINCT d.endpoint, d.shard, d.order_key FROM ${deliveries} d
              WHERE d.state = 2 AND d.order_key IS NOT NULL) d JOIN ${table('endpoints')} p ON p.num = d.endpoint
              WHERE ${chosen} GROUP BY p.id`
          : sql`SELECT k.id, k.keys FROM (SELECT p.id, ${keys} AS keys FROM ${table('endpoints')} p
          WHERE ${chosen}) k WHERE k.keys > 0`,
      ),
    );
    return found.map(([endpointId, count]) => ({ endpointId: endpointId as string, keys: count as number }));
  }),
};
