import { commandTransitions, type DeliveryState, deliveryStates } from '../../domain/delivery.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { withChange } from '../audit-log.ts';
import { type CounterChange, endCounters } from '../counter-change.ts';
import type { DeliveryPath } from '../delivery-path.ts';
import { commandAnswer, type CommandResult, type OperationWrites } from '../operations.ts';
import { redriveMark, stateNumbers, triggers } from '../rows.ts';
import { writeAudit } from './audit-log.ts';
import { blocksKeys, wakeSuccessor } from './blocking.ts';
import { count } from './counting.ts';
import { type Cold, transaction } from './methods.ts';
import {
  deliveriesOfEach,
  forShare,
  forUpdate,
  inList,
  isNumbered,
  limit as limited,
  table,
} from './pieces.ts';
import { readDelivery } from './readings.ts';
import { lockEndpoints, redriveEnded } from './redrive-ended.ts';
import { sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

// What operators do to one delivery, and what becomes of the deliveries of deleted endpoints.

const deliveries = table('deliveries');

interface Locked {
  readonly number: number;
  readonly state: number;
  readonly endpoint: number;
  readonly createdAt: number;
  readonly claimedBy: string | null;
  readonly dueAt: number | null;
  readonly orderKey: string | null;
  readonly event: number;
  readonly type: string;
}

/** Locks one delivery: what operators do and what the engine settles take turns on its row. */
function* lockDelivery(number: number): Steps<Locked | null> {
  // The subquery names the shard by its value too: only so Citus sees one shard, and takes the lock.
  const ofEvent = sql`${inList('e', shardOfNumber(number))} AND e.number = d.event_number`;
  const found = yield* row(
    sql`SELECT d.state, d.endpoint, d.created_at, d.claimed_by, d.due_at, d.order_key, d.event_number,
        (SELECT e.type FROM ${table('events')} e WHERE ${ofEvent})
      FROM ${deliveries} d WHERE ${isNumbered('d', 'number', number)} ${forUpdate('d')}`,
  );
  if (found === undefined) return null;
  return {
    number,
    state: found[0] as number,
    endpoint: found[1] as number,
    createdAt: found[2] as number,
    claimedBy: found[3] as string | null,
    dueAt: found[4] as number | null,
    orderKey: found[5] as string | null,
    event: found[6] as number,
    type: found[7] as string,
  };
}

/** Whether the data of a delivery's event were deleted; from then on they are not deleted before the transaction ends. */
function* areDataDeleted(number: number): Steps<boolean> {
  const ofDelivery = sql`(SELECT d.event_number FROM ${deliveries} d WHERE ${isNumbered('d', 'number', number)})`;
  const found = yield* row(
    sql`SELECT e.data_deleted_at FROM ${table('events')} e
      WHERE ${inList('e', shardOfNumber(number))} AND e.number = ${ofDelivery} ${forShare}`,
  );
  return found !== undefined && found[0] !== null;
}

/** Returns the state that the delivery had, or why it is not redriven. */
function* redriveOne(
  number: number,
  now: number,
): Steps<DeliveryState | Exclude<CommandResult, 'done'> | 'not_found'> {
  // The event before its delivery, as every other change locks them.
  const areDeleted = yield* areDataDeleted(number);
  const delivery = yield* lockDelivery(number);
  if (delivery === null) return 'not_found';
  const before = deliveryStates[delivery.state]!;
  if (!commandTransitions.redrive.from.includes(before)) return 'refused';
  if (areDeleted) return 'data_deleted';
  if ((yield* lockEndpoints([delivery.endpoint])).size === 0) return 'endpoint_deleted';
  if (before !== 'pending') {
    yield* redriveEnded([delivery], { trigger: 'manual', now });
    return before;
  }
  const isIt = isNumbered('d', 'number', number);
  // An attempt in flight keeps its claim and its fence (G3); `settle` finds the mark if the attempt fails.
  if (delivery.claimedBy !== null)
    yield* changes(sql`UPDATE ${deliveries} AS d SET trigger = ${redriveMark} WHERE ${isIt}`);
  else if (delivery.dueAt! > now)
    yield* changes(
      sql`UPDATE ${deliveries} AS d SET due_at = ${now}, trigger = ${triggers.indexOf('manual')} WHERE ${isIt}`,
    );
  return before;
}

function* cancelOne(delivery: Locked, reason: string, now: number): Steps<void> {
  const { number, state, endpoint, orderKey } = delivery;
  // It never was pending: it settled when it was accepted, and readings of the past go by that.
  const settledAt = state === stateNumbers.suppressed ? sql`settled_at` : sql`${now}`;
  yield* changes(
    sql`UPDATE ${deliveries} AS d SET state = 3, due_at = NULL, claimed_by = NULL, settled_at = ${settledAt}, reason = ${reason}
      WHERE ${isNumbered('d', 'number', number)}`,
  );
  const cancelled: CounterChange = { ...delivery, counter: 'cancelled', by: 1 };
  const former = endCounters[state] ?? null;
  yield* count(former === null ? [cancelled] : [cancelled, { ...delivery, counter: former, by: -1 }]);
  // A suppressed delivery never held its key.
  if (orderKey !== null && state !== stateNumbers.suppressed)
    yield* wakeSuccessor({ shard: shardOfNumber(number), endpoint, orderKey }, now);
}

/** Whether a dead letter holds its ordering key. */
function* isBlocking({ state, orderKey, endpoint }: Locked): Steps<boolean> {
  if (state !== stateNumbers.dead || orderKey === null) return false;
  const found = yield* row(
    sql`SELECT 1 FROM ${table('endpoints')} p WHERE p.num = ${endpoint} AND ${blocksKeys}`,
  );
  return found !== undefined;
}

export const commandWrites: Cold<
  Pick<OperationWrites, 'redriveDelivery' | 'cancelDelivery'> & Pick<DeliveryPath, 'cancelOrphans'>
> = {
  redriveDelivery: transaction(function* (number, now, audit = null) {
    const state = yield* redriveOne(number, now);
    const delivery = yield* readDelivery(number);
    if (
      state === 'not_found' ||
      state === 'refused' ||
      state === 'endpoint_deleted' ||
      state === 'data_deleted'
    )
      return commandAnswer(state, delivery);
    yield* writeAudit([withChange(audit, { state }, { state: 'pending' })]);
    return commandAnswer('done', delivery);
  }),

  cancelDelivery: transaction(function* (number, message, now, audit = null) {
    const delivery = yield* lockDelivery(number);
    if (delivery === null) return commandAnswer('not_found', null);
    const former = deliveryStates[delivery.state]!;
    if (!commandTransitions.cancel.from.includes(former) && !(yield* isBlocking(delivery)))
      return commandAnswer('refused', yield* readDelivery(number));
    const reason = `cancelled: ${message}`;
    yield* cancelOne(delivery, reason, now);
    const after = yield* readDelivery(number);
    yield* writeAudit([withChange(audit, { state: former }, { state: 'cancelled', reason })]);
    return commandAnswer('done', after);
  }),

  cancelOrphans: transaction(function* (limit, now) {
    // An attempt in flight settles itself, or its lease ends.
    const isWaiting = sql`d.state = 0 AND (d.claimed_by IS NULL OR d.due_at <= ${now})`;
    const found = yield* rows(
      sql`SELECT d.number FROM ${table('endpoints')} p ${deliveriesOfEach(sql`${isWaiting} AND d.endpoint = p.num`, limited(limit))}
        WHERE p.deleted_at IS NOT NULL ${limited(limit)}`,
    );
    const numbers = found.map(([number]) => number as number).toSorted((a, b) => a - b);
    for (const number of numbers) {
      const delivery = yield* lockDelivery(number);
      const isInFlight = delivery !== null && delivery.claimedBy !== null && delivery.dueAt! > now;
      if (delivery?.state === stateNumbers.pending && !isInFlight)
        yield* cancelOne(delivery, 'endpoint_deleted', now);
    }
    return numbers.length;
  }),
};
