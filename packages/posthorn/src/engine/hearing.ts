import type { Endpoint } from '../domain/endpoint.ts';
import type { BreakerChange, OpenBreaker, ThrottleChange } from '../store/breakers.ts';
import type { FailingChange, FailingEndpoint } from '../store/failures.ts';
import { breakerFrom, failingFrom, type Lane } from './lane.ts';

/** Who writes down what attempts find out about receivers. */
export interface HealthListener {
  /** An endpoint's breaker has opened or closed here. */
  readonly onBreaker: (change: BreakerChange) => void;
  /** An endpoint that is to be disabled some day has failed, or delivered again; `isTooLong`: that day is now. */
  readonly onFailing: (change: FailingChange, isTooLong: boolean) => void;
  /** A receiver has asked this node for no requests until then. */
  readonly onThrottle: (change: ThrottleChange) => void;
  /** The receiver of this endpoint has answered 410. */
  readonly onGone: (endpoint: Endpoint) => void;
}

// What lanes take from the endpoints' rows: what other nodes found out, and the former run of this one.

/** Those whose breaker is open; `tell` hears of a success that this node knows and the row does not. */
export function hearBreakers(
  lanes: Iterable<Lane>,
  open: readonly OpenBreaker[],
  tell: (change: BreakerChange) => void,
): void {
  const since = new Map(open.map(({ endpointId, openSince }) => [endpointId, openSince]));
  for (const lane of lanes)
    if (lane.hear(since.get(lane.endpoint.id) ?? null)) tell(breakerFrom(lane, lane.breaker.lastSuccessAt));
}

/** Those that have only failed; what this node has not yet written it knows better. */
export function hearFailing(
  lanes: Iterable<Lane>,
  rows: readonly FailingEndpoint[],
  isUnsaved: (endpointId: string) => boolean,
  tell: (change: FailingChange) => void,
): void {
  const known = new Map(rows.map((row) => [row.endpointId, row]));
  for (const lane of lanes) {
    const { id, disableAfterMs } = lane.endpoint;
    if (disableAfterMs === null || isUnsaved(id)) continue;
    if (lane.hearFailing(known.get(id) ?? null)) tell(failingFrom(lane, lane.breaker.lastSuccessAt));
  }
}
