import { deliveryNumber, shardOfNumber } from '../../domain/ids.ts';
import { triggers } from '../rows.ts';
import { Columns, parameter } from './columns.ts';
import type { Connection, Row } from './database.ts';
import { writeLedger } from './ledger.ts';
import { inShards } from './in-shards.ts';
import type { ShardName } from './shards.ts';
import { writeWorth } from './worth.ts';

/** A delivery of a stored event that is to be created. */
export interface Wanted {
  readonly eventNumber: number;
  readonly endpoint: number;
  readonly enabled: boolean;
  readonly orderKey: string | null;
  readonly type: string;
}

interface Made extends Wanted {
  readonly number: number;
  readonly shard: number;
}

export interface Replay {
  readonly trigger: (typeof triggers)[number];
  /** The job in bulk that does it; null: an operator replays one event. */
  readonly redriveId: string | null;
  readonly now: number;
}

const columns = new Columns<Made>(1, {
  number: ['bigint', ({ number }) => number],
  event_number: ['bigint', ({ eventNumber }) => eventNumber],
  endpoint: ['int', ({ endpoint }) => endpoint],
  enabled: ['boolean', ({ enabled }) => enabled],
  order_key: ['text', ({ orderKey }) => orderKey],
});
const createdAt = parameter(columns.next, 'bigint');
const trigger = parameter(columns.next + 1, 'smallint');
const redriveId = parameter(columns.next + 2, 'text');
/** Only in a statement that names one shard. */
const ownShard = parameter(columns.next + 3, 'smallint');

const insertSql = (at: ShardName['at']): string =>
  `INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, created_at, settled_at, reason, order_key, trigger, redrive_id)
   SELECT ${at(ownShard, '(number & 63)::smallint')}, number, event_number, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
     CASE WHEN enabled THEN ${createdAt} END, ${createdAt}, CASE WHEN NOT enabled THEN ${createdAt} END,
     CASE WHEN NOT enabled THEN 'endpoint_paused' END, order_key, ${trigger}, ${redriveId}
   FROM ${columns.rows} AS u (${columns.names})`;

const eventColumns = new Columns<readonly [number, readonly Made[]]>(1, {
  number: ['bigint', ([number]) => number],
  deliveries: ['int', ([, made]) => made.length],
  suppressed: ['int', ([, made]) => made.filter(({ enabled }) => !enabled).length],
});

const countSql = (at: ShardName['at']): string =>
  `UPDATE posthorn.events e SET deliveries = e.deliveries + n.deliveries, suppressed = e.suppressed + n.suppressed
   FROM ${eventColumns.rows} AS n (${eventColumns.names})
   WHERE e.shard = ${at(parameter(eventColumns.next, 'smallint'), '(n.number & 63)::smallint')} AND e.number = n.number`;

async function insert(
  connection: Connection,
  made: readonly Made[],
  replay: Replay,
  { suffix, at, values }: ShardName,
): Promise<Row[]> {
  await connection.query(`replay${suffix}`, insertSql(at), [
    ...columns.values(made, undefined),
    replay.now,
    triggers.indexOf(replay.trigger),
    replay.redriveId,
    ...values,
  ]);
  // The event knows how many deliveries it has, so that a missing one shows (G6).
  const events = [...Map.groupBy(made, ({ eventNumber }) => eventNumber)];
  return await connection.query(`replay_events${suffix}`, countSql(at), [
    ...eventColumns.values(events, undefined),
    ...values,
  ]);
}

/** Draws a number for a new delivery of each event: in the event's shard. */
export async function deliveryNumbers(
  connection: Connection,
  of: readonly { readonly eventNumber: number }[],
): Promise<readonly number[]> {
  const drawn = await connection.query(
    'replay_numbers',
    "SELECT nextval('posthorn.delivery_numbers') FROM generate_series(1, $1::int)",
    [of.length],
  );
  return of.map(({ eventNumber }, at) => deliveryNumber(drawn[at]![0] as number, shardOfNumber(eventNumber)));
}

/**
 * Creates new deliveries of stored events with their counters (G4), in the caller's transaction, which has locked the events.
 * Returns their numbers in the order of `wanted`.
 */
export async function createReplayed(
  connection: Connection,
  wanted: readonly Wanted[],
  replay: Replay,
): Promise<readonly number[]> {
  const numbers = await deliveryNumbers(connection, wanted);
  const made = wanted.map((one, at): Made => ({
    ...one,
    shard: shardOfNumber(one.eventNumber),
    number: numbers[at]!,
  }));
  await inShards(
    connection,
    made,
    (one) => one.shard,
    (of, shard) => insert(connection, of, replay, shard),
  );
  await writeLedger(
    connection,
    '',
    made.map(({ endpoint, type, enabled }) => ({
      endpoint,
      createdAt: replay.now,
      type,
      accepted: 1,
      suppressed: Number(!enabled),
    })),
  );
  await writeWorth(
    connection,
    made.flatMap(({ eventNumber, endpoint, enabled }) =>
      enabled ? [] : [{ event: eventNumber, endpoint, createdAt: replay.now, state: 'suppressed', by: 1 }],
    ),
  );
  return made.map(({ number }) => number);
}
