import { MissingEvents, statesSent } from '../../../../posthorn/src/domain/missing-events.ts';
import type { BulkAction } from '../../parts/bulk-action.ts';
import { countText } from '../../parts/number.ts';
import type { Missing, Window } from './compare.ts';

/** More events are not named in one filter. */
export const maxSent = 1000;

/** A job that sends a part of what is missing, and what it does, as text. */
export interface Again extends BulkAction {
  readonly text: string;
}

/**
 * The jobs that send what is missing again: what was delivered becomes new deliveries, what ended undelivered goes on. Each is one
 * job of the server by the events' ids, so nothing is sent that is not missing, and an event with several deliveries is sent once.
 */
export function actionsOf(missing: readonly Missing[], { endpoint_id: endpoint, tenant }: Window): Again[] {
  const events = new MissingEvents();
  for (const { event_id: id, state } of missing) events.add(id, state);
  const [delivered, dropped] = [events.idsOf('replay'), events.idsOf('redrive')];
  const filterOf = (kind: Again['kind'], ids: readonly string[]): Again['filter'] => ({
    tenant: [tenant],
    endpoint_id: [endpoint],
    event_id: ids,
    state: statesSent[kind],
  });
  return [
    ...(delivered.length === 0
      ? []
      : [
          {
            kind: 'replay' as const,
            filter: filterOf('replay', delivered),
            endpointId: endpoint,
            text: `${countText(delivered.length)} that were answered with 2xx are delivered once more`,
          },
        ]),
    ...(dropped.length === 0
      ? []
      : [
          {
            kind: 'redrive' as const,
            filter: filterOf('redrive', dropped),
            text: `${countText(dropped.length)} that ended undelivered go on`,
          },
        ]),
  ];
}
