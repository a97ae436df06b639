import { deliveryNumber, shardOfNumber } from '../../domain/ids.ts';
import type { Found } from '../redrives.ts';
import { eventOf, triggers } from '../rows.ts';
import { byShard, lockEventsByNumber } from './accept.ts';
import type { Connection } from './database.ts';
import { writeLedger } from './ledger.ts';
import { writeWorth } from './worth.ts';

interface Made {
  readonly number: number;
  readonly shard: number;
  readonly eventNumber: number;
  readonly endpoint: number;
  readonly enabled: boolean;
  readonly orderKey: string | null;
  readonly type: string;
}

/**
 * New deliveries of what a replay in bulk has found, in the caller's transaction. What is left out: its endpoint or its event
 * has been deleted since, or the event does not match its digest, so it would not be sent.
 */
export async function replayFound(
  connection: Connection,
  found: readonly Found[],
  redriveId: string,
  now: number,
): Promise<readonly number[]> {
  if (found.length === 0) return [];
  const endpoints = await lockTargets(connection, [...new Set(found.map(({ endpoint }) => endpoint))]);
  const events = await lockEvents(connection, [...new Set(found.map(({ eventNumber }) => eventNumber))]);
  const wanted = found.flatMap(({ eventNumber, endpoint }) => {
    const to = endpoints.get(endpoint);
    const event = events.get(eventNumber);
    if (to === undefined || event === undefined) return [];
    const orderKey = to.isKeyed ? event.orderingKey : null;
    return { eventNumber, endpoint, enabled: to.enabled, orderKey, type: event.type };
  });
  const drawn = await connection.query(
    'replay_numbers',
    "SELECT nextval('posthorn.delivery_numbers') FROM generate_series(1, $1::int)",
    [wanted.length],
  );
  const made = wanted.map((one, at): Made => {
    const shard = shardOfNumber(one.eventNumber);
    return { ...one, shard, number: deliveryNumber(drawn[at]![0] as number, shard) };
  });
  // A statement of a distributed database names one shard; else one does for all.
  for (const [, of] of connection.oneShard ? byShard(made, ({ shard }) => shard) : [[0, made] as const])
    await insert(connection, of, redriveId, now);
  await writeLedger(
    connection,
    '',
    made.map(({ endpoint, type, enabled }) => ({
      endpoint,
      createdAt: now,
      type,
      accepted: 1,
      suppressed: Number(!enabled),
    })),
  );
  await writeWorth(
    connection,
    made.flatMap(({ eventNumber, endpoint, enabled }) =>
      enabled ? [] : [{ event: eventNumber, endpoint, createdAt: now, state: 'suppressed', by: 1 }],
    ),
  );
  return made.map(({ number }) => number);
}

/** Endpoints as they are until the caller's transaction ends, deleted ones left out. */
async function lockTargets(
  connection: Connection,
  nums: readonly number[],
): Promise<ReadonlyMap<number, { readonly enabled: boolean; readonly isKeyed: boolean }>> {
  const rows = await connection.query(
    'replay_endpoints',
    `SELECT num, enabled, document ->> 'ordering' = 'key' FROM posthorn.endpoints
     WHERE num = ANY ($1::int[]) AND deleted_at IS NULL ORDER BY num FOR SHARE`,
    [nums],
  );
  return new Map(
    rows.map(([num, enabled, isKeyed]) => [
      num as number,
      { enabled: enabled === true, isKeyed: isKeyed === true },
    ]),
  );
}

/** Events that stay until the caller's transaction ends, and match their digests. */
async function lockEvents(
  connection: Connection,
  numbers: readonly number[],
): Promise<ReadonlyMap<number, { readonly type: string; readonly orderingKey: string | null }>> {
  const rows = await lockEventsByNumber(connection, numbers);
  return new Map(
    rows.flatMap((row) => {
      const { type, orderingKey, integrity } = eventOf(row);
      return integrity === 'corrupt' ? [] : [[row[11] as number, { type, orderingKey }] as const];
    }),
  );
}

async function insert(
  connection: Connection,
  made: readonly Made[],
  redriveId: string,
  now: number,
): Promise<void> {
  if (made.length === 0) return;
  // An operator's own query names one shard where it has to; the numbers say which.
  const one = connection.oneShard;
  await connection.query(
    one ? 'replay_bulk_one' : 'replay_bulk',
    `INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, created_at, settled_at, reason, order_key, trigger, redrive_id)
     SELECT ${one ? '$9::smallint' : '(number & 63)::smallint'}, number, event_number, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
       CASE WHEN enabled THEN $6::bigint END, $6::bigint, CASE WHEN NOT enabled THEN $6::bigint END,
       CASE WHEN NOT enabled THEN 'endpoint_paused' END, order_key, $7::smallint, $8::text
     FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::boolean[], $5::text[]) AS u (number, event_number, endpoint, enabled, order_key)`,
    [
      made.map(({ number }) => number),
      made.map(({ eventNumber }) => eventNumber),
      made.map(({ endpoint }) => endpoint),
      made.map(({ enabled }) => enabled),
      made.map(({ orderKey }) => orderKey),
      now,
      triggers.indexOf('redrive'),
      redriveId,
      ...(one ? [made[0]!.shard] : []),
    ],
  );
  const counts = Map.groupBy(made, ({ eventNumber }) => eventNumber);
  // The event knows how many deliveries it has, so that a missing one shows (G6).
  await connection.query(
    one ? 'replay_bulk_events_one' : 'replay_bulk_events',
    `UPDATE posthorn.events e SET deliveries = e.deliveries + n.deliveries, suppressed = e.suppressed + n.suppressed
     FROM unnest($1::bigint[], $2::int[], $3::int[]) AS n (number, deliveries, suppressed)
     WHERE e.shard = ${one ? '$4::smallint' : '(n.number & 63)::smallint'} AND e.number = n.number`,
    [
      [...counts.keys()],
      [...counts.values()].map((of) => of.length),
      [...counts.values()].map((of) => of.filter(({ enabled }) => !enabled).length),
      ...(one ? [made[0]!.shard] : []),
    ],
  );
}
