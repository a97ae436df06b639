import type { Input } from '../contract/table.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { ImportedEvent } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { findEndpoint } from './endpoint-ref.ts';
import type { Handlers } from './handler.ts';
import { eventMaker, jsonText } from './new-event.ts';
import { rawBatchData } from './raw-json.ts';

type PastEvent = Input<'events.import'>['body']['events'][number];

/** Records past events of another sender: see `importEvents` of the store. */
export function eventImportService({
  store,
  clock,
  random,
  catalog,
}: Pick<ServiceDependencies, 'store' | 'clock' | 'random' | 'catalog'>): Pick<Handlers, 'events.import'> {
  const make = eventMaker(clock, random, catalog);

  const endpointsOf = async (
    tenant: string,
    events: readonly PastEvent[],
  ): Promise<ReadonlyMap<string, Endpoint>> => {
    const found = new Map<string, Endpoint>();
    const references = new Set(events.flatMap(({ deliveries }) => deliveries.map((one) => one.endpoint_id)));
    for (const reference of references)
      found.set(reference, await findEndpoint(store.read, { reference, tenant }));
    return found;
  };

  /** What an import would count. */
  const count = async (
    tenant: string,
    events: readonly ImportedEvent[],
  ): Promise<{ events: number; deliveries: number }> => {
    const counted = new Set<string>();
    let deliveries = 0;
    for (const { event, deliveries: of } of events) {
      if (counted.has(event.id) || (await store.read.eventsById(event.id, [tenant])).length > 0) continue;
      counted.add(event.id);
      deliveries += of.length;
    }
    return { events: counted.size, deliveries };
  };

  return {
    'events.import': async ({ body }, call) => {
      const { tenant = defaultTenant, dry_run: isDryRun = false, events: given } = body;
      const endpoints = await endpointsOf(tenant, given);
      const raw = call.text === null ? null : rawBatchData(call.text);
      const made = await make(
        given.map((past, index) => {
          const { deliveries: _, ...event } = past;
          const path = `/events/${index}`;
          return { event, tenant, dataText: raw?.[index] ?? jsonText(event.data, path), path };
        }),
      );
      const events = made.map((event, index): ImportedEvent => ({
        event,
        deliveries: given[index]!.deliveries.map(({ endpoint_id: reference, state }) => ({
          endpointId: endpoints.get(reference)!.id,
          state,
        })),
      }));
      const now = clock.now();
      const target = { kind: 'tenant', id: tenant };
      const audit = auditEntry(call, now, { action: 'events.import', target, tenant });
      const imported = isDryRun
        ? await count(tenant, events)
        : await store.write.importEvents(events, now, audit);
      return { ...imported, existing: events.length - imported.events, dry_run: isDryRun };
    },
  };
}
