import { shardOfNumber } from '../../domain/ids.ts';
import {
  dueNums,
  type FanOutBlock,
  fanOutBlockEvents,
  type FanOutEvent,
  nextBlock,
  targetsFrom,
} from '../fan-out.ts';
import type { FanOutRequest, FanOutStep } from '../store.ts';
import { notifyDue } from './accept.ts';
import type { Connection, Database } from './database.ts';
import { countFanOut } from './fan-out-plan.ts';

/** Deliveries of a block with their counters; `oneShard` as in accept.ts. */
const insertSql = (oneShard: boolean): string => `WITH
  dl AS MATERIALIZED (
    SELECT u.*, ${oneShard ? '($9::bigint[])[u.ord]' : "nextval('posthorn.delivery_numbers')"} * 64 + (u.event_number & 63) AS number FROM (
      SELECT * FROM unnest($1::bigint[], $2::int[], $3::boolean[], $4::text[], $5::text[])
        WITH ORDINALITY AS d (event_number, endpoint, enabled, order_key, type, ord) ORDER BY ord) u),
  deliveries AS (
    INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, created_at, settled_at, reason, order_key)
    SELECT ${oneShard ? '$8::smallint' : '(number & 63)::smallint'}, number, event_number, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
      CASE WHEN enabled THEN $6::bigint END, $6::bigint, CASE WHEN NOT enabled THEN $6::bigint END,
      CASE WHEN NOT enabled THEN 'endpoint_paused' END, order_key FROM dl),
  ledger AS (
    INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, accepted, suppressed)
    SELECT ${oneShard ? '$8::smallint' : '0'}, endpoint, $6::bigint / 3600000, $7::text || ':fan-out', count(*), count(*) FILTER (WHERE NOT enabled)
    FROM dl GROUP BY endpoint ORDER BY endpoint
    ON CONFLICT (shard, endpoint, hour, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed),
  tallies AS (
    INSERT INTO posthorn.tallies AS l (shard, endpoint, minute, type, writer, accepted, suppressed)
    SELECT ${oneShard ? '$8::smallint' : '0'}, endpoint, $6::bigint / 60000, type, $7::text || ':fan-out', count(*), count(*) FILTER (WHERE NOT enabled)
    FROM dl GROUP BY endpoint, type ORDER BY endpoint, type
    ON CONFLICT (shard, endpoint, minute, type, writer)
      DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed)
SELECT count(*) FROM dl`;
const spanning = insertSql(false);
const single = insertSql(true);

async function insertBlock(
  connection: Connection,
  { deliveries }: FanOutBlock,
  acceptedAt: number,
  node: string,
): Promise<void> {
  const values = (of: FanOutBlock['deliveries']) => [
    of.map(({ event }) => event.number),
    of.map(({ target }) => target.num),
    of.map(({ target }) => target.endpoint.enabled),
    of.map(({ event, target }) => (target.endpoint.ordering === 'key' ? event.orderingKey : null)),
    of.map(({ event }) => event.type),
    acceptedAt,
    node,
  ];
  if (deliveries.length === 0) return;
  if (!connection.oneShard) {
    await connection.query('fan_out', spanning, values(deliveries));
    return;
  }
  const drawn = await connection.query(
    'fan_out_delivery_numbers',
    "SELECT nextval('posthorn.delivery_numbers') FROM generate_series(1, $1::int)",
    [deliveries.length],
  );
  const numbers = drawn.map(([number]) => number as number).toSorted((a, b) => a - b);
  const shards = Map.groupBy(
    deliveries.map((delivery, at) => ({ delivery, number: numbers[at]! })),
    ({ delivery }) => shardOfNumber(delivery.event.number),
  );
  // In the order of shards, so that two transactions never wait for each other in a circle.
  for (const [shard, of] of [...shards].toSorted(([a], [b]) => a - b))
    await connection.query('fan_out_one', single, [
      ...values(of.map(({ delivery }) => delivery)),
      shard,
      of.map(({ number }) => number),
    ]);
}

/** The first fan-out of the tenant behind `after`, or of the first tenant. */
const head = `SELECT min(id), tenant FROM posthorn.fan_outs WHERE tenant =
    coalesce((SELECT min(tenant) FROM posthorn.fan_outs WHERE tenant > $1), (SELECT min(tenant) FROM posthorn.fan_outs))
  GROUP BY tenant`;

export async function stepFanOut(
  db: Database,
  { now, node, limit, after }: FanOutRequest,
): Promise<FanOutStep> {
  const step = await db.transaction(async (connection) => {
    const [chosen] = await connection.query('fan_out_head', head, [after ?? '']);
    if (chosen === undefined) return { tenant: null, made: 0, endpointIds: [] };
    const [id, tenant] = chosen as [number, string];
    // One node at a time: whoever comes second finds it locked, and goes on to another tenant's.
    const [locked] = await connection.query(
      'fan_out_lock',
      'SELECT accepted_at, targets FROM posthorn.fan_outs WHERE id = $1 FOR UPDATE SKIP LOCKED',
      [id],
    );
    if (locked === undefined) return { tenant, made: 0, endpointIds: [] };
    const [acceptedAt, targets] = locked as [number, string];
    const events = await readEvents(connection, id);
    if (events.length === 0) {
      await connection.query('fan_out_end', 'DELETE FROM posthorn.fan_outs WHERE id = $1', [id]);
      return { tenant, made: 0, endpointIds: [] };
    }
    const block = nextBlock(targetsFrom(targets), events, limit);
    await insertBlock(connection, block, acceptedAt, node);
    await advance(connection, id, block, now);
    await countFanOut(connection, node, 0, block.deliveries.length);
    const ids = await connection.query(
      'fan_out_due',
      'SELECT id FROM posthorn.endpoints WHERE num = ANY ($1::int[])',
      [dueNums(block)],
    );
    return { tenant, made: block.deliveries.length, endpointIds: ids.map(([one]) => one as string) };
  });
  // Only a hint, so the next step need not wait for it.
  if (step.endpointIds.length > 0) void notifyDue(db, step.endpointIds);
  return step;
}

async function readEvents(connection: Connection, id: number): Promise<FanOutEvent[]> {
  const rows = await connection.query(
    'fan_out_events',
    `SELECT place, event_number, type, ordering_key, wanted, cursor, remaining FROM posthorn.fan_out_events
     WHERE fan_out = $1 ORDER BY place LIMIT ${fanOutBlockEvents}`,
    [id],
  );
  return rows.map(
    ([place, number, type, orderingKey, wanted, cursor, remaining]) =>
      ({ place, number, type, orderingKey, wanted, cursor, remaining }) as FanOutEvent,
  );
}

/** Records how far the fan-out has come; what is complete goes. */
async function advance(connection: Connection, id: number, block: FanOutBlock, now: number): Promise<void> {
  const places = block.events.map(({ place }) => place);
  if (!block.done) {
    await connection.query(
      'fan_out_advance',
      `UPDATE posthorn.fan_out_events f SET cursor = $2, remaining = f.remaining - u.made
       FROM unnest($3::int[], $4::int[]) AS u (place, made) WHERE f.fan_out = $1 AND f.place = u.place`,
      [id, block.cursor, places, block.events.map(({ made }) => made)],
    );
  } else
    await connection.query(
      'fan_out_events_end',
      'DELETE FROM posthorn.fan_out_events WHERE fan_out = $1 AND place = ANY ($2::int[])',
      [id, places],
    );
  await connection.query('fan_out_moved', 'UPDATE posthorn.fan_outs SET moved_at = $2 WHERE id = $1', [
    id,
    now,
  ]);
  if (block.done)
    await connection.query(
      'fan_out_ended',
      `DELETE FROM posthorn.fan_outs WHERE id = $1
         AND NOT EXISTS (SELECT 1 FROM posthorn.fan_out_events f WHERE f.fan_out = $1)`,
      [id],
    );
}
