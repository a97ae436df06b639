import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { NewEvent, Receipt } from '../../domain/event.ts';
import { shardOfNumber } from '../../domain/ids.ts';
import { replayEntry } from '../audit-log.ts';
import { isSendable, refuseUnsendable } from '../sendable.ts';
import { planReplay } from '../matching.ts';
import { newReceipt } from '../plan.ts';
import type { Found } from '../redrives.ts';
import { eventOf, triggers } from '../rows.ts';
import type { ReplayAnswer } from '../store.ts';
import { findEvent, findEventByNumber, insertOneDelivery, insertOneEvent, type Placement } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import type { KnownEndpoint } from '../endpoint-index.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

export function replayEvent(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  tenant: string,
  eventId: string,
  endpointId: string | null,
  now: number,
  audit: AuditEntry | null,
): ReplayAnswer {
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  return db.transaction(() => {
    const row = findEvent(db, tenant, eventId);
    if (row === undefined) return 'no_event';
    const stored = eventOf(row);
    refuseUnsendable(stored);
    const plan = planReplay(endpoints.index, stored, endpointId);
    if (plan === null) return 'no_endpoint';
    const { wanted, filtered, overridden } = plan;
    const number = row[11] as number;
    const { type, orderingKey } = stored;
    const event = { number, shard: shardOfNumber(number), type, orderingKey };
    const trigger = triggers.indexOf('manual');
    const deliveries = wanted.map((known) => ({
      number: insertOneDelivery(db, placement, event, known, null, trigger),
      endpointId: known.endpoint.id,
    }));
    const suppressed = wanted.filter(({ endpoint }) => !endpoint.enabled).length;
    // The event knows how many deliveries it has, so that a missing one shows (G6).
    db.run(
      'UPDATE events SET deliveries = deliveries + ?, suppressed = suppressed + ? WHERE number = ?',
      wanted.length,
      suppressed,
      number,
    );
    ledger.write(db);
    writeAudit(db, [replayEntry(audit, endpointId, wanted.length, suppressed)]);
    const receipt = newReceipt({ id: eventId, tenant, type }, stored.acceptedAt, wanted.length, suppressed);
    return { receipt, deliveries, filtered, overridden };
  });
}

export interface ReplayPlace extends Placement {
  readonly endpoints: EndpointTable;
}

/**
 * A new delivery of what a replay in bulk has found, in the caller's transaction. Null: its event does not match its digest,
 * or its data were deleted, so it would not be sent.
 */
export function replayFound(
  db: Database,
  { endpoints, ...placement }: ReplayPlace,
  { eventNumber, endpoint }: Pick<Found, 'eventNumber' | 'endpoint'>,
  redriveId: string,
): number | null {
  const row = findEventByNumber(db, eventNumber);
  const known = endpoints.index.byNum(endpoint);
  if (row === undefined || known === undefined) return null;
  const { type, orderingKey, integrity } = eventOf(row);
  if (!isSendable(integrity)) return null;
  const event = { number: eventNumber, shard: shardOfNumber(eventNumber), type, orderingKey };
  const number = insertOneDelivery(db, placement, event, known, null, triggers.indexOf('redrive'));
  db.run('UPDATE deliveries SET redrive_id = ? WHERE number = ?', redriveId, number);
  // The event knows how many deliveries it has, so that a missing one shows (G6).
  db.run(
    'UPDATE events SET deliveries = deliveries + 1, suppressed = suppressed + ? WHERE number = ?',
    Number(!known.endpoint.enabled),
    eventNumber,
  );
  return number;
}

export function acceptFor(
  db: Database,
  sequences: Sequences,
  event: NewEvent,
  known: KnownEndpoint,
  now: number,
  audit: AuditEntry | null,
): Receipt {
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  const suppressed = Number(!known.endpoint.enabled);
  db.transaction(() => {
    const number = insertOneEvent(db, placement, event, { deliveries: 1, suppressed, filtered: 0 });
    insertOneDelivery(db, placement, { ...event, number }, known, null, triggers.indexOf('manual'));
    ledger.write(db);
    writeAudit(db, [audit]);
  });
  return newReceipt(event, now, 1, suppressed);
}
