import type { OpenBreaker } from '../store/breakers.ts';
import type { FailingEndpoint } from '../store/failures.ts';
import type { HealthListener } from './health-notes.ts';
import { breakerFrom, failingFrom, type Lane } from './lane.ts';

// What lanes take from the endpoints' rows: what other nodes found out, and the previous run of this one.

/** Takes the endpoints whose breaker is open; notes each success that this node knows and the row does not. */
export function hearBreakers(
  lanes: Iterable<Lane>,
  open: readonly OpenBreaker[],
  health: Pick<HealthListener, 'noteBreaker'>,
): void {
  const since = new Map(open.map(({ endpointId, openSince }) => [endpointId, openSince]));
  for (const lane of lanes)
    if (lane.hear(since.get(lane.endpoint.id) ?? null))
      health.noteBreaker(breakerFrom(lane, lane.breaker.lastSuccessAt));
}

/** Takes the endpoints that have only failed; what this node has not yet written it knows better. */
export function hearFailing(
  lanes: Iterable<Lane>,
  rows: readonly FailingEndpoint[],
  isUnsaved: (endpointId: string) => boolean,
  health: Pick<HealthListener, 'noteFailing'>,
): void {
  const known = new Map(rows.map((row) => [row.endpointId, row]));
  for (const lane of lanes) {
    const { id, disableAfterMs } = lane.endpoint;
    if (disableAfterMs === null || isUnsaved(id)) continue;
    if (lane.hearFailing(known.get(id) ?? null))
      health.noteFailing(failingFrom(lane, lane.breaker.lastSuccessAt), false);
  }
}
