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
 * job of the server by the events' ids, so nothing is sent that is not missing.
 */
export function actionsOf(missing: readonly Missing[], { endpoint_id: endpoint, tenant }: Window): Again[] {
  const of = (states: readonly Missing['state'][]): readonly Missing[] =>
    missing.filter(({ state }) => states.includes(state));
  const delivered = of(['delivered']);
  const dropped = of(['dead', 'suppressed']);
  const filterOf = (parts: readonly Missing[]): Again['filter'] => ({
    tenant: [tenant],
    endpoint_id: [endpoint],
    event_id: [...new Set(parts.map(({ event_id: id }) => id))],
    state: [...new Set(parts.map(({ state }) => state))],
  });
  return [
    ...(delivered.length === 0
      ? []
      : [
          {
            kind: 'replay' as const,
            filter: filterOf(delivered),
            endpointId: endpoint,
            text: `${countText(delivered.length)} that were answered with 2xx are delivered once more`,
          },
        ]),
    ...(dropped.length === 0
      ? []
      : [
          {
            kind: 'redrive' as const,
            filter: filterOf(dropped),
            text: `${countText(dropped.length)} that ended undelivered go on`,
          },
        ]),
  ];
}
