import type { AuditEntry } from '../../domain/audit-entry.ts';
import { commandTransitions, type DeliveryState, deliveryStates } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { withChange } from '../audit-log.ts';
import { type CommandAnswer, commandAnswer, type CommandResult } from '../operations.ts';
import { redriveMark, stateNumbers, triggers } from '../rows.ts';
import { readDelivery } from '../common/readings.ts';
import { writeAudit } from './audit-log.ts';
import { blockingAmong, wakeSuccessor } from './blocking.ts';
import type { Connection, Database, Row } from './database.ts';
import { writeLedger } from './ledger.ts';
import { perform } from './common.ts';
import { lockEndpoints, redriveEnded } from './redrive-ended.ts';
import { writeWorth } from './worth.ts';

/** Locks one delivery: what people do and what the engine settles take turns on its row. */
async function lock(connection: Connection, number: number): Promise<Row | undefined> {
  const [row] = await connection.query(
    'delivery_lock',
    // The subquery names the shard by its value too: only so Citus sees one shard, and takes the lock.
    `SELECT d.state, d.endpoint, d.created_at, d.claimed_by, d.due_at, d.order_key,
       (SELECT e.type FROM posthorn.events e WHERE e.shard = $1::smallint AND e.number = d.event_number), d.event_number
     FROM posthorn.deliveries d WHERE d.shard = $1::smallint AND d.number = $2 FOR UPDATE OF d`,
    [shardOfNumber(number), number],
  );
  return row;
}

/** Returns the state that the delivery had, or why it is not redriven. */
async function redriveOne(
  connection: Connection,
  number: number,
  now: number,
): Promise<DeliveryState | Exclude<CommandResult, 'done'> | 'not_found'> {
  const row = await lock(connection, number);
  if (row === undefined) return 'not_found';
  const [state, endpoint, createdAt, claimedBy, dueAt, , type] = row as [
    number,
    number,
    number,
    string | null,
    number | null,
    string | null,
    string,
  ];
  const before = deliveryStates[state]!;
  if (!commandTransitions.redrive.from.includes(before)) return 'refused';
  if ((await lockEndpoints(connection, [endpoint])).size === 0) return 'endpoint_deleted';
  if (state !== stateNumbers.pending) {
    await redriveEnded(connection, [{ number, state, endpoint, createdAt, type }], {
      trigger: 'manual',
      now,
    });
    return before;
  }
  const key = [shardOfNumber(number), number];
  // An attempt in flight keeps its claim and its fence (G3); `settle` finds the mark if the attempt fails.
  if (claimedBy !== null)
    await connection.query(
      'redrive_mark',
      'UPDATE posthorn.deliveries SET trigger = $3 WHERE shard = $1 AND number = $2',
      [...key, redriveMark],
    );
  else if (dueAt! > now)
    await connection.query(
      'redrive_sooner',
      'UPDATE posthorn.deliveries SET due_at = $3, trigger = $4 WHERE shard = $1 AND number = $2',
      [...key, now, triggers.indexOf('manual')],
    );
  return before;
}

export async function redriveDelivery(
  db: Database,
  number: number,
  now: number,
  audit: AuditEntry | null,
): Promise<CommandAnswer> {
  return await db.transaction(async (connection) => {
    const state = await redriveOne(connection, number, now);
    const delivery = await perform(connection, readDelivery(number));
    if (state === 'not_found' || state === 'refused' || state === 'endpoint_deleted')
      return commandAnswer(state, delivery);
    await writeAudit(connection, [withChange(audit, { state }, { state: 'pending' })]);
    return commandAnswer('done', delivery);
  });
}

async function cancelOne(
  connection: Connection,
  number: number,
  row: Row,
  reason: string,
  now: number,
): Promise<void> {
  const [state, endpoint, createdAt, , , orderKey, type, event] = row as [
    number,
    number,
    number,
    unknown,
    unknown,
    string | null,
    string,
    number,
  ];
  const shard = shardOfNumber(number);
  await connection.query(
    'cancel',
    `UPDATE posthorn.deliveries SET state = 3, due_at = NULL, claimed_by = NULL, settled_at = $3, reason = $4 WHERE shard = $1 AND number = $2`,
    [shard, number, now, reason],
  );
  await writeLedger(connection, '', [
    { endpoint, createdAt, type, cancelled: 1, ...(state === stateNumbers.dead ? { dead: -1 } : {}) },
  ]);
  if (state === stateNumbers.dead)
    await writeWorth(connection, [{ event, endpoint, createdAt, state: 'dead', by: -1 }]);
  if (orderKey !== null) await wakeSuccessor(connection, [shard, endpoint, orderKey], now);
}

export async function cancelDelivery(
  db: Database,
  number: number,
  message: string,
  now: number,
  audit: AuditEntry | null,
): Promise<CommandAnswer> {
  return await db.transaction(async (connection) => {
    const row = await lock(connection, number);
    if (row === undefined) return commandAnswer('not_found', null);
    const [state, endpoint, , , , orderKey] = row as [
      number,
      number,
      number,
      unknown,
      unknown,
      string | null,
    ];
    const blocks =
      state === stateNumbers.dead &&
      orderKey !== null &&
      (await blockingAmong(connection, [endpoint])).has(endpoint);
    const former = deliveryStates[state]!;
    if (!blocks && !commandTransitions.cancel.from.includes(former))
      return commandAnswer('refused', await perform(connection, readDelivery(number)));
    const reason = `cancelled: ${message}`;
    await cancelOne(connection, number, row, reason, now);
    const delivery = await perform(connection, readDelivery(number));
    await writeAudit(connection, [withChange(audit, { state: former }, { state: 'cancelled', reason })]);
    return commandAnswer('done', delivery);
  });
}

export async function cancelOrphans(db: Database, limit: number, now: number): Promise<number> {
  // An attempt in flight says itself what became of it, or its lease ends.
  const waiting = 'd.state = 0 AND (d.claimed_by IS NULL OR d.due_at <= $2)';
  const orphans = await db.query(
    db.oneShard ? 'orphans_distributed' : 'orphans',
    db.oneShard
      ? `SELECT d.number FROM posthorn.deliveries d JOIN posthorn.endpoints p ON p.num = d.endpoint
         WHERE ${waiting} AND p.deleted_at IS NOT NULL LIMIT $1`
      : `SELECT d.number FROM posthorn.endpoints p CROSS JOIN LATERAL (
           SELECT number FROM posthorn.deliveries d WHERE ${waiting} AND d.endpoint = p.num LIMIT $1) d
         WHERE p.deleted_at IS NOT NULL LIMIT $1`,
    [limit, now],
  );
  if (orphans.length === 0) return 0;
  return await db.transaction(async (connection) => {
    const numbers = orphans.map(([number]) => number as number).toSorted((a, b) => a - b);
    for (const number of numbers) {
      const row = await lock(connection, number);
      const inFlight = row?.[3] !== null && (row?.[4] as number) > now;
      if (row?.[0] === stateNumbers.pending && !inFlight)
        await cancelOne(connection, number, row, 'endpoint_deleted', now);
    }
    return numbers.length;
  });
}
