import { deliveryNumber, shardOfNumber } from '../../domain/ids.ts';
import { byShard } from '../by-shard.ts';
import { postgresDigest } from '../digest.ts';
import type { EndpointIndex } from '../endpoint-index.ts';
import {
  type FanOutBlock,
  fanOutBlockEvents,
  type FanOutEvent,
  type Handover,
  handOver,
  mayHandOver,
  nextBlock,
  targetsFrom,
} from '../fan-out.ts';
import type { FannedDelivery, FannedEvent, FanOutRequest, FanOutStep } from '../store.ts';
import { Columns, parameter } from './columns.ts';
import type { Connection, Database, Value } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { countFanOut } from './fan-out-plan.ts';
import { insertDeliveries } from './new-deliveries.ts';
import { notifyDue } from './notify-due.ts';
import { writeWorth } from './worth.ts';
import { noteDisorder } from './search.ts';
import { inShards } from './in-shards.ts';
import { asExpressions, callOf, type Transition } from './transitions.ts';

interface Planned {
  readonly event: FanOutEvent;
  readonly target: FanOutBlock['deliveries'][number]['target'];
  readonly leaseUntil: number | null;
  /** Its place in the block. */
  readonly at: number;
}

const columns = new Columns<Planned>(1, {
  event_number: ['bigint', ({ event }) => event.number],
  endpoint: ['int', ({ target }) => target.num],
  enabled: ['boolean', ({ target }) => target.endpoint.enabled],
  order_key: ['text', ({ event, target }) => (target.endpoint.ordering === 'key' ? event.orderingKey : null)],
  type: ['text', ({ event }) => event.type],
  lease_until: ['bigint', ({ leaseUntil }) => leaseUntil],
});
const acceptedAt = parameter(columns.next, 'bigint');
const node = parameter(columns.next + 1, 'text');
const dueAt = parameter(columns.next + 2, 'bigint');
/** Only in a statement that names one shard, which takes numbers that were drawn before. */
const oneShardOnly = parameter(columns.next + 3, 'smallint');
const drawn = parameter(columns.next + 4, 'bigint[]');

const rowsOf = (
  number: string,
): string => `SELECT u.*, 0 AS trigger, ${number} * 64 + (u.event_number & 63) AS number FROM (
      SELECT * FROM ${columns.rows} WITH ORDINALITY AS d (${columns.names}, ord) ORDER BY ord) u`;

/** Answers the numbers in the order of the block. */
const spanning = `WITH
  dl AS MATERIALIZED (${rowsOf("nextval('posthorn.delivery_numbers')")}),
  ${asExpressions(
    insertDeliveries({
      rows: 'dl',
      shard: '(number & 63)::smallint',
      counterShard: '0',
      acceptedAt,
      dueAt,
      node,
      step: 'fan-out',
    }),
  )}
SELECT number FROM dl ORDER BY ord`;

/** The same for one shard, with numbers that were drawn before. */
export const fanOutTransition: Transition = {
  name: 'fan_out',
  parameters: [...columns.types, 'bigint', 'text', 'bigint', 'smallint', 'bigint[]'],
  shardAt: columns.next + 3,
  returns: 'void',
  statements: Object.values(
    insertDeliveries({
      rows: `(${rowsOf(`(${drawn})[u.ord]`)})`,
      shard: oneShardOnly,
      counterShard: oneShardOnly,
      acceptedAt,
      dueAt,
      node,
      step: 'fan-out',
    }),
  ),
};

/** Answers the numbers of the deliveries in the order of the block. */
async function insertBlock(
  connection: Connection,
  { deliveries }: FanOutBlock,
  { leases }: Handover,
  accepted: number,
  request: FanOutRequest,
): Promise<readonly number[]> {
  const planned = deliveries.map((delivery, at): Planned => ({ ...delivery, leaseUntil: leases[at]!, at }));
  if (planned.length === 0) return [];
  // The clock may have gone back since: what is new is due at once all the same (G2).
  const dueFrom = Math.min(accepted, request.now);
  const values = (of: readonly Planned[]): Value[] => [
    ...columns.values(of, undefined),
    accepted,
    request.node,
    dueFrom,
  ];
  return await connection.shards.choose({ spanning: insertTogether, single: insertByShard })(
    connection,
    planned,
    values,
  );
}

type Insert = (
  connection: Connection,
  planned: readonly Planned[],
  values: (of: readonly Planned[]) => Value[],
) => Promise<readonly number[]>;

const insertTogether: Insert = async (connection, planned, values) => {
  const rows = await connection.query('fan_out', spanning, values(planned));
  return rows.map(([number]) => number as number);
};

const insertByShard: Insert = async (connection, planned, values) => {
  const drawn = await connection.query(
    'fan_out_delivery_numbers',
    "SELECT nextval('posthorn.delivery_numbers') FROM generate_series(1, $1::int)",
    [planned.length],
  );
  const sequence = drawn.map(([number]) => number as number).toSorted((a, b) => a - b);
  const numbers: number[] = [];
  for (const [shard, of] of byShard(planned, ({ event }) => shardOfNumber(event.number))) {
    const own = of.map(({ at }) => sequence[at]!);
    await connection.query('fan_out_one', callOf(fanOutTransition), [...values(of), shard, own]);
    for (const { at } of of) numbers[at] = deliveryNumber(sequence[at]!, shard);
  }
  return numbers;
};

/** The first fan-out of the tenant behind `after`, or of the first tenant. */
const head = `SELECT min(id), tenant FROM posthorn.fan_outs WHERE tenant =
    coalesce((SELECT min(tenant) FROM posthorn.fan_outs WHERE tenant > $1), (SELECT min(tenant) FROM posthorn.fan_outs))
  GROUP BY tenant`;

const nothing = { made: 0, claimed: [], events: [], waiting: [] };

export async function stepFanOut(
  db: Database,
  endpoints: EndpointTable,
  request: FanOutRequest,
): Promise<FanOutStep> {
  const copy = await endpoints.current();
  let stale = false;
  const step = await db.transaction(async (connection): Promise<FanOutStep> => {
    const [chosen] = await connection.query('fan_out_head', head, [request.after ?? '']);
    if (chosen === undefined) return { tenant: null, ...nothing };
    const [id, tenant] = chosen as [number, string];
    // One node at a time: the second one finds it locked, and goes on to another tenant's.
    const [locked] = await connection.query(
      'fan_out_lock',
      `SELECT accepted_at, targets, (SELECT version FROM posthorn.config) FROM posthorn.fan_outs WHERE id = $1
       FOR UPDATE SKIP LOCKED`,
      [id],
    );
    if (locked === undefined) return { tenant, ...nothing };
    const [acceptedAt, targets, version] = locked as [number, string, number];
    const rows = await readEvents(connection, id);
    if (rows.length === 0) {
      await connection.query('fan_out_end', 'DELETE FROM posthorn.fan_outs WHERE id = $1', [id]);
      return { tenant, ...nothing };
    }
    const block = nextBlock(targetsFrom(targets), rows, request.limit);
    // By an older copy nothing is handed over: a claim asks whether the endpoint is enabled.
    stale = version !== copy.version;
    const payloads =
      !stale && mayHandOver(block, request)
        ? await readPayloads(connection, block)
        : new Map<number, FannedEvent>();
    const handover = handOver(block, (num) => copy.index.byNum(num)?.endpoint, payloads, request);
    const numbers = await insertBlock(connection, block, handover, acceptedAt, request);
    await writeWorth(
      connection,
      block.deliveries.flatMap(({ event, target }) =>
        target.endpoint.enabled
          ? []
          : [
              {
                event: event.number,
                endpoint: target.num,
                createdAt: acceptedAt,
                state: 'suppressed',
                by: 1,
              },
            ],
      ),
    );
    await noteDisorder(connection, request.now - acceptedAt);
    await advance(connection, id, block, request.now);
    await countFanOut(connection, request.node, 0, block.deliveries.length);
    const claimed = claimedOf(block, handover, numbers, copy.index, payloads);
    const events = claimed.length > 0 ? [...payloads.values()] : [];
    return { tenant, made: block.deliveries.length, claimed, events, waiting: handover.waiting };
  });
  if (stale) endpoints.forget();
  // Only a hint, so the next step need not wait for it.
  if (step.waiting.length > 0) void notifyDue(db, step.waiting);
  return step;
}

function claimedOf(
  { deliveries }: FanOutBlock,
  { leases }: Handover,
  numbers: readonly number[],
  index: EndpointIndex,
  payloads: ReadonlyMap<number, FannedEvent>,
): FannedDelivery[] {
  const places = new Map([...payloads.keys()].map((number, place) => [number, place]));
  return deliveries.flatMap(({ event, target }, at) => {
    const leaseUntil = leases[at]!;
    if (leaseUntil === null) return [];
    const endpointId = index.byNum(target.num)!.endpoint.id;
    return [{ number: numbers[at]!, endpointId, leaseUntil, event: places.get(event.number)! }];
  });
}

/** The events of a block by number; one that does not match its digest is left out, and found when it is claimed. */
async function readPayloads(
  connection: Connection,
  { deliveries }: FanOutBlock,
): Promise<Map<number, FannedEvent>> {
  const numbers = [...new Set(deliveries.map(({ event }) => event.number))];
  const found = new Map<number, FannedEvent>();
  const select = (shard: string): string => `SELECT e.number, e.id, e.type, e.accepted_at,
      coalesce(e.occurred_at, e.accepted_at), e.data
    FROM unnest($1::bigint[]) AS n (number) JOIN posthorn.events e ON e.shard = ${shard} AND e.number = n.number
    WHERE coalesce(e.digest = ${postgresDigest}, true)`;
  const rows = await inShards(connection, numbers, shardOfNumber, (of, shard) =>
    connection.query(
      `fan_out_payloads${shard.suffix}`,
      select(shard.at('$2::smallint', '(n.number & 63)::smallint')),
      [of, ...shard.values],
    ),
  );
  for (const [number, id, type, acceptedAt, occurredAt, data] of rows as [
    number,
    string,
    string,
    number,
    number,
    string,
  ][])
    found.set(number, { id, type, acceptedAt, occurredAt, data });
  return found;
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
