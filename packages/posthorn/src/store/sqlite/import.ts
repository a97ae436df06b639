import type { AuditEntry } from '../../domain/audit-entry.ts';
import { deliveryNumber } from '../../domain/ids.ts';
import { type FormerState, importedReason } from '../../domain/imported.ts';
import { importEntry } from '../audit-log.ts';
import { stateNumbers } from '../rows.ts';
import type { Imported, ImportedEvent } from '../store.ts';
import { findEvent, insertOneEvent, type Placement } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

function insertEnded(
  db: Database,
  { sequences, ledger, now }: Placement,
  event: { readonly number: number; readonly shard: number; readonly type: string },
  endpoint: number,
  state: FormerState,
): void {
  db.run(
    `INSERT INTO deliveries (number, event_number, endpoint, state, created_at, settled_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    deliveryNumber(sequences.nextDelivery(), event.shard),
    event.number,
    endpoint,
    stateNumbers.cancelled,
    now,
    now,
    importedReason(state),
  );
  const counted = { endpoint, type: event.type, acceptedAt: now };
  ledger.add(counted, 'accepted');
  ledger.add(counted, 'cancelled');
}

export function importEvents(
  db: Database,
  { endpoints, sequences }: { readonly endpoints: EndpointTable; readonly sequences: Sequences },
  events: readonly ImportedEvent[],
  now: number,
  audit: AuditEntry | null,
): Imported {
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  return db.transaction(() => {
    const imported = { events: 0, deliveries: 0 };
    for (const { event, deliveries } of events) {
      if (findEvent(db, event.tenant, event.id) !== undefined) continue;
      const ended = deliveries.flatMap(({ endpointId, state }) => {
        const known = endpoints.index.get(endpointId);
        return known === undefined ? [] : [{ endpoint: known.num, state }];
      });
      const counts = { deliveries: ended.length, suppressed: 0, filtered: 0 };
      const number = insertOneEvent(db, placement, event, counts);
      for (const { endpoint, state } of ended)
        insertEnded(db, placement, { ...event, number }, endpoint, state);
      imported.events++;
      imported.deliveries += ended.length;
    }
    ledger.write(db);
    writeAudit(db, [importEntry(audit, imported)]);
    return imported;
  });
}
