import type { Alert } from '../../domain/alert.ts';
import type { AlertsChange } from '../store.ts';
import { insertPlanned, notifyDue } from './accept.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** A migration: objectives' alerts called the sender's side `ours`. Of immutable functions alone, as a distributed database wants. */
export const senderInAlerts = `
  UPDATE posthorn.alerts SET document = regexp_replace(
      replace(document::text, '"fault_domain":"ours"', '"fault_domain":"sender"'), '"group":"([^"]*)/ours"', '"group":"\\1/sender"')::json
    WHERE document -> 'evidence' ->> 'fault_domain' = 'ours';
`;

export async function readAlerts(db: Database): Promise<{ version: number; alerts: Alert[] }> {
  return await db.snapshot(async (connection) => {
    const [row] = await connection.query(
      'alerts_version',
      "SELECT value::bigint FROM posthorn.settings WHERE name = 'alerts_version'",
    );
    const rows = await connection.query('alerts', 'SELECT document FROM posthorn.alerts ORDER BY id');
    return {
      version: (row?.[0] as number | undefined) ?? 0,
      alerts: rows.map(([document]) => document as unknown as Alert),
    };
  });
}

export async function saveAlerts(
  db: Database,
  endpoints: EndpointTable,
  { version, changed, forgotten, notifications, audit = [], now }: AlertsChange,
): Promise<boolean> {
  for (let stale: number | undefined; ;) {
    const copy = await endpoints.current(stale);
    const planned = notifications.flatMap(({ event, endpointId }, index) => {
      const known = copy.byId.get(endpointId);
      if (known === undefined) return [];
      const suppressed = Number(!known.endpoint.enabled);
      return [
        {
          event,
          group: 0,
          index,
          deliveries: [{ known, leaseUntil: null }],
          count: 1,
          suppressed,
          filtered: 0,
        },
      ];
    });
    const saved = await db
      .transaction(async (connection) => {
        // Whoever raises the version has the step; the other finds it raised and stores nothing.
        await connection.query(
          'alerts_version_first',
          "INSERT INTO posthorn.settings (name, value) VALUES ('alerts_version', '0') ON CONFLICT DO NOTHING",
        );
        const raised = await connection.query(
          'alerts_version_raise',
          "UPDATE posthorn.settings SET value = ($1::bigint + 1)::text WHERE name = 'alerts_version' AND value = $1::bigint::text RETURNING 1",
          [version],
        );
        if (raised.length === 0) return 'behind';
        await connection.query(
          'alerts_put',
          `INSERT INTO posthorn.alerts (id, document) SELECT * FROM unnest($1::text[], $2::json[])
         ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
          [changed.map(({ id }) => id), changed.map((alert) => JSON.stringify(alert))],
        );
        await connection.query('alerts_forget', 'DELETE FROM posthorn.alerts WHERE id = ANY ($1::text[])', [
          forgotten,
        ]);
        if (planned.length === 0) {
          await writeAudit(connection, audit);
          return 'saved';
        }
        const done = await insertPlanned(connection, copy.version, planned, { now, node: 'operations' });
        // Endpoints have changed meanwhile: nothing is stored, and the next turn works with a fresh copy.
        if (done === null) throw new StaleCopy();
        await writeAudit(connection, audit);
        return 'saved';
      })
      .catch((error: unknown) => {
        if (error instanceof StaleCopy) return 'stale' as const;
        throw error;
      });
    if (saved === 'behind') return false;
    if (saved === 'stale') {
      stale = copy.version;
      continue;
    }
    if (planned.length > 0)
      await notifyDue(db, [...new Set(notifications.map(({ endpointId }) => endpointId))]);
    return true;
  }
}

class StaleCopy extends Error {}
