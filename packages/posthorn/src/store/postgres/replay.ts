import { corruptMessage } from '../../domain/attempt.ts';
import type { AuditEntry } from '../../domain/audit-entry.ts';
import { ConflictError } from '../../domain/errors.ts';
import type { NewEvent, Receipt } from '../../domain/event.ts';
import { deliveryNumber, shardOfNumber } from '../../domain/ids.ts';
import { replayEntry } from '../audit-log.ts';
import { planReplay } from '../matching.ts';
import { newReceipt } from '../plan.ts';
import { eventOf, triggers } from '../rows.ts';
import type { ReplayAnswer } from '../store.ts';
import { findEvent, insertPlanned, notifyDue } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import { StaleCopyError, withCurrentEndpoints } from './current-endpoints.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { writeWorth } from './worth.ts';

export async function replayEvent(
  db: Database,
  endpoints: EndpointTable,
  tenant: string,
  eventId: string,
  endpointId: string | null,
  now: number,
  audit: AuditEntry | null,
): Promise<ReplayAnswer> {
  return await withCurrentEndpoints(endpoints, async (copy) => {
    const answer = await db.transaction(async (connection) => {
      const [config] = await connection.query(
        'config_share',
        'SELECT version FROM posthorn.config FOR SHARE',
      );
      if (config![0] !== copy.version) throw new StaleCopyError();
      const row = await findEvent(connection, tenant, eventId);
      if (row === undefined) return 'no_event';
      const stored = eventOf(row);
      if (stored.integrity === 'corrupt') throw new ConflictError('event_corrupt', corruptMessage);
      const number = row[11] as number;
      // Its row's lock keeps the pruner from taking it away meanwhile.
      const [held] = await connection.query(
        'event_lock',
        'SELECT true FROM posthorn.events WHERE shard = $1 AND number = $2 FOR UPDATE',
        [shardOfNumber(number), number],
      );
      if (held === undefined) return 'no_event';
      const plan = planReplay(copy.byTenant.get(tenant) ?? [], stored, endpointId);
      if (plan === null) return 'no_endpoint';
      const { wanted, filtered, overridden } = plan;
      const { type } = stored;
      const enabled = wanted.map(({ endpoint }) => endpoint.enabled);
      const suppressed = enabled.filter((is) => !is).length;
      const nums = wanted.map(({ num }) => num);
      const drawn = await connection.query(
        'replay_numbers',
        "SELECT nextval('posthorn.delivery_numbers') FROM generate_series(1, $1::int)",
        [wanted.length],
      );
      await connection.query(
        'replay',
        `INSERT INTO posthorn.deliveries (shard, number, event_number, endpoint, state, due_at, created_at, settled_at, reason, order_key, trigger)
         SELECT $1::smallint, drawn * 64 + $1::smallint, $6::bigint, endpoint, CASE WHEN enabled THEN 0 ELSE 4 END,
           CASE WHEN enabled THEN $5::bigint END, $5::bigint, CASE WHEN NOT enabled THEN $5::bigint END,
           CASE WHEN NOT enabled THEN 'endpoint_paused' END, CASE WHEN keyed THEN $7::text END, $8::smallint
         FROM unnest($2::int[], $3::boolean[], $4::boolean[], $9::bigint[]) AS u (endpoint, enabled, keyed, drawn)`,
        [
          shardOfNumber(number),
          nums,
          enabled,
          wanted.map(({ endpoint }) => endpoint.ordering === 'key'),
          now,
          number,
          row[4]!,
          triggers.indexOf('manual'),
          drawn.map(([next]) => next as number),
        ],
      );
      await connection.query(
        'replay_ledger',
        `INSERT INTO posthorn.ledger AS l (shard, endpoint, hour, writer, accepted, suppressed)
         SELECT 0, endpoint, $3::bigint / 3600000, 'operations', 1, (NOT enabled)::int
         FROM unnest($1::int[], $2::boolean[]) AS u (endpoint, enabled) ORDER BY endpoint
         ON CONFLICT (shard, endpoint, hour, writer)
           DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed`,
        [nums, enabled, now],
      );
      await connection.query(
        'replay_counters',
        `INSERT INTO posthorn.counters AS l (shard, endpoint, minute, type, writer, accepted, suppressed)
         SELECT 0, endpoint, $3::bigint / 60000, $4::text, 'operations', 1, (NOT enabled)::int
         FROM unnest($1::int[], $2::boolean[]) AS u (endpoint, enabled) ORDER BY endpoint
         ON CONFLICT (shard, endpoint, minute, type, writer)
           DO UPDATE SET accepted = l.accepted + excluded.accepted, suppressed = l.suppressed + excluded.suppressed`,
        [nums, enabled, now, type],
      );
      await writeWorth(
        connection,
        wanted.flatMap(({ num, endpoint }) =>
          endpoint.enabled
            ? []
            : [{ event: number, endpoint: num, createdAt: now, state: 'suppressed', by: 1 }],
        ),
      );
      // The event knows how many deliveries it has, so that a missing one shows (G6).
      await connection.query(
        'replay_event',
        'UPDATE posthorn.events SET deliveries = deliveries + $3, suppressed = suppressed + $4 WHERE shard = $1 AND number = $2',
        [shardOfNumber(number), number, wanted.length, suppressed],
      );
      await writeAudit(connection, [replayEntry(audit, endpointId, wanted.length, suppressed)]);
      const numbers = drawn.map(([next]) => deliveryNumber(next as number, shardOfNumber(number)));
      return {
        receipt: newReceipt({ id: eventId, tenant, type }, stored.acceptedAt, wanted.length, suppressed),
        deliveries: wanted.map(({ endpoint }, at) => ({ number: numbers[at]!, endpointId: endpoint.id })),
        filtered,
        overridden,
      };
    });
    if (typeof answer !== 'string')
      await notifyDue(
        db,
        answer.deliveries.map((delivery) => delivery.endpointId),
      );
    return answer;
  });
}

/** A delivery of an event to one endpoint only, whatever it subscribes to. */
export async function acceptFor(
  db: Database,
  endpoints: EndpointTable,
  event: NewEvent,
  endpointId: string,
  now: number,
  audit: AuditEntry | null,
): Promise<Receipt | null> {
  return await withCurrentEndpoints(endpoints, async (copy, reloaded) => {
    const known = copy.byId.get(endpointId);
    if (known === undefined && !reloaded) throw new StaleCopyError();
    if (known === undefined) return null;
    const suppressed = Number(!known.endpoint.enabled);
    const planned = {
      event,
      group: 0,
      index: 0,
      deliveries: [{ known, leaseUntil: null }],
      count: 1,
      suppressed,
      filtered: 0,
    };
    const trigger = triggers.indexOf('manual');
    await db.transaction(async (connection) => {
      const by = { now, node: 'operations', trigger };
      if ((await insertPlanned(connection, copy.version, [planned], by)) === null) throw new StaleCopyError();
      await writeAudit(connection, [audit]);
    });
    return newReceipt(event, now, 1, suppressed);
  });
}
