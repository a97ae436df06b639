import { maxRetryAfterMs } from '../domain/retry-policy.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Throttle } from '../store/breakers.ts';
import type { HealthListener } from './health-notes.ts';
import type { Lane } from './lane.ts';
import type { LaneTable } from './lane-table.ts';
import type { Scheduler } from './scheduler.ts';

export interface ThrottlesOptions {
  readonly clock: Clock;
  readonly lanes: LaneTable;
  readonly scheduler: Scheduler;
  readonly health: Pick<HealthListener, 'noteThrottle'>;
}

/** The lanes whose receivers have asked for no requests until some time (Retry-After). */
export class Throttles {
  readonly #o: ThrottlesOptions;
  readonly #lanes = new Set<Lane>();

  constructor(options: ThrottlesOptions) {
    this.#o = options;
  }

  get endpointIds(): string[] {
    const now = this.#o.clock.monotonic();
    for (const lane of this.#lanes) if (lane.throttledUntil <= now) this.#lanes.delete(lane);
    return [...this.#lanes].map(({ endpoint }) => endpoint.id);
  }

  /** The receiver asks for no requests for so long. */
  learn(lane: Lane, retryAfterMs: number, now: number): void {
    const ms = Math.min(retryAfterMs, maxRetryAfterMs);
    const { id, url } = lane.endpoint;
    if (this.#throttle(lane, ms))
      this.#o.health.noteThrottle({ endpointId: id, url, until: now + ms, at: now });
  }

  /**
   * Takes what the endpoints' rows say: those that are throttled, and until when. What is not among them was cleared;
   * what this node has learned since `readAt` (monotonic), or not yet written, it knows better.
   */
  hear(rows: readonly Throttle[], readAt: number, isUnsaved: (endpointId: string) => boolean): void {
    const now = this.#o.clock.now();
    const isNewer = (lane: Lane): boolean => lane.throttleSetAt >= readAt || isUnsaved(lane.endpoint.id);
    const heard = new Set<Lane>();
    for (const { endpointId, until } of rows) {
      const lane = this.#o.lanes.get(endpointId);
      if (lane === undefined || isNewer(lane)) continue;
      heard.add(lane);
      this.#throttle(lane, until - now);
    }
    for (const lane of this.#lanes) if (!heard.has(lane) && !isNewer(lane)) this.#clear(lane);
  }

  /** Returns whether the endpoint was throttled. */
  clear(endpointId: string): boolean {
    const lane = this.#o.lanes.get(endpointId);
    const wasThrottled = lane !== undefined && lane.throttledUntil > this.#o.clock.monotonic();
    if (lane !== undefined) this.#clear(lane);
    return wasThrottled;
  }

  /** The lane was removed, or its URL has changed. */
  forget(lane: Lane): void {
    this.#lanes.delete(lane);
  }

  #clear(lane: Lane): void {
    lane.throttle(0, this.#o.clock.monotonic());
    this.#lanes.delete(lane);
    this.#o.scheduler.pump(lane);
  }

  /** Returns whether the lane is throttled for longer than before. */
  #throttle(lane: Lane, ms: number): boolean {
    const mono = this.#o.clock.monotonic();
    const until = mono + Math.min(ms, maxRetryAfterMs);
    if (until <= Math.max(mono, lane.throttledUntil)) return false;
    lane.throttle(until, mono);
    this.#lanes.add(lane);
    this.#o.scheduler.claims.giveBack(lane);
    return true;
  }
}
