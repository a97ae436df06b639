import type { Alert } from '../../domain/alert.ts';
import type { AlertsChange } from '../store.ts';
import { insertOneDelivery, insertOneEvent, type Placement } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';
import { LedgerChanges } from './ledger.ts';
import type { Sequences } from './sequences.ts';

/** A migration: objectives' alerts called the sender's side `ours`. */
export const senderInAlerts = `
  UPDATE alerts SET document = json_set(document, '$.evidence.fault_domain', 'sender', '$.group',
      CASE WHEN json_extract(document, '$.group') LIKE '%/ours'
        THEN substr(json_extract(document, '$.group'), 1, length(json_extract(document, '$.group')) - 4) || 'sender'
        ELSE json_extract(document, '$.group') END)
    WHERE json_valid(document) AND json_extract(document, '$.evidence.fault_domain') = 'ours';
`;

export function readAlerts(db: Database): { version: number; alerts: Alert[] } {
  return db.snapshot(() => ({
    version: version(db),
    alerts: db
      .all('SELECT document FROM alerts ORDER BY id')
      .map(([text]) => db.json(text, 'a stored alert') as Alert),
  }));
}

function version(db: Database): number {
  return Number(db.get("SELECT value FROM settings WHERE name = 'alerts_version'")?.[0] ?? 0);
}

export function saveAlerts(
  db: Database,
  endpoints: EndpointTable,
  sequences: Sequences,
  { version: seen, changed, forgotten, notifications, audit = [], now }: AlertsChange,
): boolean {
  const ledger = new LedgerChanges();
  const placement: Placement = { sequences, ledger, now };
  return db.transaction(() => {
    if (version(db) !== seen) return false;
    db.run(
      "INSERT INTO settings (name, value) VALUES ('alerts_version', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      String(seen + 1),
    );
    for (const alert of changed)
      db.run(
        'INSERT INTO alerts (id, document) VALUES (?, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
        alert.id,
        JSON.stringify(alert),
      );
    for (const id of forgotten) db.run('DELETE FROM alerts WHERE id = ?', id);
    for (const { event, endpointId } of notifications) {
      const known = endpoints.get(endpointId);
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
