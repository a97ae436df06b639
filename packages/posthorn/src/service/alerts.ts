import type { Answer, Input } from '../contract/table.ts';
import {
  type Alert,
  type AlertNotification,
  alertEndpoint,
  alertStates,
  alertTenant,
  incidentId,
} from '../domain/alert.ts';
import { wireAlert } from '../domain/channel.ts';
import { invalid, notFound, PosthornError } from '../domain/errors.ts';
import { deliveryId } from '../domain/ids.ts';
import { dayMs, iso, isoOrNull } from '../domain/time.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { DeliveryRecord, StoreRead } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Call, Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

type WireAlert = Answer<'alerts.list'>['items'][number];

const acknowledgeTries = 5;
const maxAcknowledgedMs = 30 * dayMs;
/** Notifications that are looked up in one read. */
const lookedUpAtOnce = 500;

type Change = 'alerts.acknowledge' | 'alerts.unacknowledge';

/** Lists and acknowledges alerts. */
export function alertService({ store, clock, unstoredAlerts }: ServiceDependencies): Handlers<Of<'alerts'>> {
  const changed = alertChange({ store, clock });
  return {
    'alerts.list': async ({ query }) => {
      const { state, severity, tenant: tenants, endpoint_id: references, slo, owner, since, ...page } = query;
      const unstored = unstoredAlerts();
      const stored = await store.read.alerts().catch((error: unknown) => {
        // Unstored alerts are about the store itself.
        if (unstored.length > 0) return { alerts: [] };
        throw error;
      });
      const isAbout = await endpointsAsked(store.read, tenants, references);
      const from = since === undefined ? null : Date.parse(since);
      const selected = [...unstored, ...stored.alerts].filter(
        (alert) =>
          isAbout(alertEndpoint(alert)) &&
          (state === undefined || state.includes(alert.state)) &&
          (severity === undefined || severity.includes(alert.severity)) &&
          (slo === undefined || slo.some((name) => isAboutObjective(alert, name))) &&
          (owner === undefined || (alert.owner !== null && owner.includes(alert.owner))) &&
          (from === null || alert.resolvedAt === null || alert.resolvedAt >= from),
      );
      const { items, next_cursor: next } = toPage(
        selected,
        page,
        (alert) => [alertStates.indexOf(alert.state), -alert.since, alert.id],
        'desc',
      );
      return { items: await wireAlerts(store.read, items), next_cursor: next };
    },

    'alerts.acknowledge': async ({ params: { id }, body }, call) => {
      const until = untilFrom(body, clock.now());
      const saysNothing = body.note === undefined && until === null;
      return await changed(id, { action: 'alerts.acknowledge', call }, (alert, now) =>
        alert.acknowledgedAt !== null && saysNothing
          ? null
          : {
              ...alert,
              acknowledgedAt: now,
              acknowledgement: { by: call.caller.name, note: body.note ?? null, until },
            },
      );
    },

    'alerts.unacknowledge': async ({ params: { id } }, call) =>
      await changed(id, { action: 'alerts.unacknowledge', call }, (alert) => {
        if (alert.acknowledgedAt === null) return null;
        const { acknowledgement: _acknowledgement, ...rest } = alert;
        return { ...rest, acknowledgedAt: null };
      }),
  };
}

/** Returns what saves a change of an alert that is not resolved; null: it stays as it is. */
function alertChange({ store, clock }: Pick<ServiceDependencies, 'store' | 'clock'>) {
  return async (
    id: string,
    { action, call }: { readonly action: Change; readonly call: Call },
    change: (alert: Alert, now: number) => Alert | null,
  ): Promise<WireAlert> => {
    // The evaluator may change it at the same time: then this is computed again.
    for (let tries = 0; tries < acknowledgeTries; tries++) {
      const { version, alerts } = await store.read.alerts();
      const alert = alerts.find((one) => one.id === id);
      if (alert === undefined) throw notFound('alert by that id');
      if (alert.state === 'resolved') throw new PosthornError('resolved', 'this alert is resolved');
      const now = clock.now();
      const after = change(alert, now);
      if (after === null) return await wireOne(store.read, alert);
      const endpointId = alertEndpoint(alert);
      const audit = [
        auditEntry(call, now, {
          action,
          target: { kind: 'alert', id },
          tenant: endpointId === null ? null : ((await store.read.endpoint(endpointId))?.tenant ?? null),
          before: wireAlert(alert),
          after: wireAlert(after),
        }),
      ];
      const step = { version, changed: [after], forgotten: [], notifications: [], audit, now };
      if (await store.write.saveAlerts(step)) return await wireOne(store.read, after);
    }
    throw new PosthornError('unavailable', 'Alerts are changing. Try again.');
  };
}

function untilFrom({ until }: Input<'alerts.acknowledge'>['body'], now: number): number | null {
  if (until === undefined) return null;
  const time = Date.parse(until);
  if (time <= now) throw invalid('/until', 'must be in the future');
  if (time > now + maxAcknowledgedMs) throw invalid('/until', 'must be at most 30 days from now');
  return time;
}

/** Alerts of objectives are grouped by the objective and the side. */
function isAboutObjective({ evidence, group }: Alert, name: string): boolean {
  return evidence['objective'] === name || group === `${name}/sender` || group === `${name}/receiver`;
}

async function wireOne(store: Pick<StoreRead, 'deliveries'>, alert: Alert): Promise<WireAlert> {
  const [wire] = await wireAlerts(store, [alert]);
  return wire!;
}

/** Alerts with the state of their notifications. */
async function wireAlerts(
  store: Pick<StoreRead, 'deliveries'>,
  alerts: readonly Alert[],
): Promise<readonly WireAlert[]> {
  const ids = alerts.flatMap(({ notifications = [] }) => notifications.map(({ eventId }) => eventId));
  const deliveries = new Map<string, DeliveryRecord>();
  for (let at = 0; at < ids.length; at += lookedUpAtOnce) {
    const eventIds = ids.slice(at, at + lookedUpAtOnce);
    // Each of these events has one delivery; a replay of one would be the newest.
    const found = await store.deliveries(
      { tenants: [alertTenant], eventIds },
      { after: null, limit: 2 * lookedUpAtOnce },
    );
    for (const delivery of found.toReversed()) deliveries.set(delivery.eventId, delivery);
  }
  return alerts.map((alert) => ({
    ...wireAlert(alert),
    incident_id: incidentId(alert),
    notified: (alert.notifications ?? []).flatMap((one) => wireNotified(one, deliveries.get(one.eventId))),
  }));
}

/** One entry for each team that the notification was for. */
function wireNotified(
  { teams, channel, at, says }: AlertNotification,
  delivery: DeliveryRecord | undefined,
): WireAlert['notified'] {
  return (teams.length === 0 ? [null] : teams).map((team) => ({
    team,
    channel,
    at: iso(at),
    says,
    delivery_id: delivery === undefined ? null : deliveryId(delivery.number),
    state: delivery?.state ?? null,
    delivered_at: delivery?.state === 'delivered' ? isoOrNull(delivery.settledAt) : null,
  }));
}

/** Whether an alert about this endpoint was requested. */
async function endpointsAsked(
  store: Pick<StoreRead, 'endpoints' | 'endpointsNamed'>,
  tenants: readonly string[] | undefined,
  references: readonly string[] | undefined,
): Promise<(endpointId: string | null) => boolean> {
  if (tenants === undefined && references === undefined) return () => true;
  const ids = references === undefined ? null : new Set(await endpointIdsFrom(store, references, tenants));
  const ofTenants = new Set<string>();
  if (tenants !== undefined) for await (const { id } of everyEndpoint(store, { tenants })) ofTenants.add(id);
  return (id) => id !== null && (ids === null || ids.has(id)) && (tenants === undefined || ofTenants.has(id));
}
