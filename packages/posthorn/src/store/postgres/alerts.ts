import { takeAlertStep } from '../common/alerts.ts';
import type { AlertsChange } from '../store.ts';
import { insertPlanned } from './accept.ts';
import { notifyDue } from './notify-due.ts';
import { writeAudit } from './audit-log.ts';
import { perform } from './common.ts';
import { StaleCopyError, withCurrentEndpoints } from './current-endpoints.ts';
import type { Database } from './database.ts';
import type { EndpointCopy, EndpointTable } from './endpoints.ts';

function plannedFrom(copy: EndpointCopy, { notifications }: AlertsChange) {
  return notifications.flatMap(({ event, endpointId }, index) => {
    const known = copy.index.get(endpointId);
    if (known === undefined) return [];
    const suppressed = Number(!known.endpoint.enabled);
    const deliveries = [{ known, leaseUntil: null }];
    return [{ event, group: 0, index, deliveries, count: 1, suppressed, filtered: 0 }];
  });
}

export async function saveAlerts(
  db: Database,
  endpoints: EndpointTable,
  change: AlertsChange,
): Promise<boolean> {
  const { notifications, audit = [], now } = change;
  return await withCurrentEndpoints(endpoints, async (copy) => {
    const planned = plannedFrom(copy, change);
    const isTaken = await db.transaction(async (connection) => {
      if (!(await perform(connection, takeAlertStep(change)))) return false;
      const by = { now, node: 'operations' };
      if (planned.length > 0 && (await insertPlanned(connection, copy.version, planned, by)) === null)
        throw new StaleCopyError();
      await writeAudit(connection, audit);
      return true;
    });
    if (isTaken && planned.length > 0)
      await notifyDue(db, [...new Set(notifications.map(({ endpointId }) => endpointId))]);
    return isTaken;
  });
}
