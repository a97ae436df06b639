import type { Answer, Input } from '../contract/table.ts';
import type { DeliveryFilter } from '../store/store.ts';
import { iso } from './wire.ts';

/** A filter of deliveries in the domain's words. */
export function filterFrom(wire: Input<'redrives.create'>['body']['filter']): DeliveryFilter {
  return {
    ...(wire.tenant === undefined ? {} : { tenant: wire.tenant }),
    ...(wire.endpoint_id === undefined ? {} : { endpointId: wire.endpoint_id }),
    ...(wire.event_id === undefined ? {} : { eventId: wire.event_id }),
    ...(wire.event_type === undefined ? {} : { eventType: wire.event_type }),
    ...(wire.state === undefined ? {} : { state: wire.state }),
    ...(wire.error_class === undefined ? {} : { errorClass: wire.error_class }),
    ...(wire.since === undefined ? {} : { since: Date.parse(wire.since) }),
    ...(wire.until === undefined ? {} : { until: Date.parse(wire.until) }),
  };
}

/** The same in the words of the wire. */
export function wireFilter(filter: DeliveryFilter): Answer<'redrives.get'>['filter'] {
  const { tenant, endpointId, eventId, eventType, state, errorClass, since, until } = filter;
  return {
    tenant,
    endpoint_id: endpointId,
    event_id: eventId,
    event_type: eventType,
    state,
    error_class: errorClass,
    since: since === undefined ? undefined : iso(since),
    until: until === undefined ? undefined : iso(until),
  };
}
