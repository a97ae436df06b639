import { alertEndpoint, alertStates } from '../domain/alert.ts';
import { wireAlert } from '../domain/channel.ts';
import { notFound, PosthornError } from '../domain/errors.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { Endpoints } from '../store/store.ts';
import { endpointIdsFrom } from './endpoint-ref.ts';
import type { Handlers, Of } from './handler.ts';
import { pageOf } from './paging.ts';

const acknowledgeTries = 5;

/** Alerts: listed and acknowledged. */
export function alertService({ store, clock, unstoredAlerts }: ServiceDependencies): Handlers<Of<'alerts'>> {
  return {
    'alerts.list': async ({
      query: { state, severity, tenant: tenants, endpoint_id: references, ...page },
    }) => {
      const unstored = unstoredAlerts();
      const stored = await store.alerts().catch((error: unknown) => {
        // The store is what the unstored ones are about.
        if (unstored.length > 0) return { alerts: [] };
        throw error;
      });
      const isAbout = await endpointsAsked(store, tenants, references);
      const selected = [...unstored, ...stored.alerts].filter(
        (alert) =>
          isAbout(alertEndpoint(alert)) &&
          (state === undefined || state.includes(alert.state)) &&
          (severity === undefined || severity.includes(alert.severity)),
      );
      const { items, next_cursor: next } = pageOf(
        selected,
        page,
        (alert) => [alertStates.indexOf(alert.state), -alert.since, alert.id],
        'desc',
      );
      return { items: items.map(wireAlert), next_cursor: next };
    },

    'alerts.acknowledge': async ({ params: { id } }, call) => {
      // The evaluator may take a step at the same time: then this one is computed again.
      for (let tries = 0; tries < acknowledgeTries; tries++) {
        const { version, alerts } = await store.alerts();
        const alert = alerts.find((one) => one.id === id);
        if (alert === undefined) throw notFound('alert by that id');
        if (alert.state === 'resolved') throw new PosthornError('resolved', 'this alert is resolved');
        if (alert.acknowledgedAt !== null) return wireAlert(alert);
        const now = clock.now();
        const endpointId = alertEndpoint(alert);
        const acknowledged = { ...alert, acknowledgedAt: now };
        const audit = [
          auditEntry(call, now, {
            action: 'alerts.acknowledge',
            target: { kind: 'alert', id },
            tenant: endpointId === null ? null : ((await store.endpoint(endpointId))?.tenant ?? null),
            before: wireAlert(alert),
            after: wireAlert(acknowledged),
          }),
        ];
        const step = { version, changed: [acknowledged], forgotten: [], notifications: [], audit, now };
        if (await store.saveAlerts(step)) return wireAlert(acknowledged);
      }
      throw new PosthornError('unavailable', 'alerts are changing; try again');
    },
  };
}

/** Whether an alert about this endpoint was asked for. */
async function endpointsAsked(
  store: Pick<Endpoints, 'endpoints' | 'endpointsNamed'>,
  tenants: readonly string[] | undefined,
  references: readonly string[] | undefined,
): Promise<(endpointId: string | null) => boolean> {
  if (tenants === undefined && references === undefined) return () => true;
  const ids = references === undefined ? null : new Set(await endpointIdsFrom(store, references, tenants));
  const ofTenants = new Set<string>();
  if (tenants !== undefined) for await (const { id } of everyEndpoint(store, { tenants })) ofTenants.add(id);
  return (id) => id !== null && (ids === null || ids.has(id)) && (tenants === undefined || ofTenants.has(id));
}
