import { takeAlertStep } from '../common/alerts.ts';
import type { AlertsChange } from '../store.ts';
import { insertOneDelivery, insertOneEvent, type Placement } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import { perform } from './common.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

export function saveAlerts(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  change: AlertsChange,
): boolean {
  const { notifications, audit = [], now } = change;
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  return db.transaction(() => {
    if (!perform(db, takeAlertStep(change))) return false;
    for (const { event, endpointId } of notifications) {
      const known = endpoints.index.get(endpointId);
      if (known === undefined) continue;
      const suppressed = Number(!known.endpoint.enabled);
      const number = insertOneEvent(db, placement, event, { deliveries: 1, suppressed, filtered: 0 });
      insertOneDelivery(db, placement, { ...event, number }, known, null);
    }
    ledger.write(db);
    writeAudit(db, audit);
    return true;
  });
}
