import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { FailingChange } from '../store/failures.ts';
import type { BringForwardRequest, SettleAnswer, Settlement, StorePart } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { HealthNotes } from './health-notes.ts';
import type { SettledListener } from './outcomes.ts';

/** So many deliveries are brought forward in one transaction. */
const maxPerStep = 1000;

export interface EndpointHealthOptions {
  readonly store: StorePart<
    'clearThrottle' | 'freeKeys' | 'bringForward' | 'pauseGone' | 'pauseFailing',
    'openBreakers' | 'failingEndpoints' | 'throttles'
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notes: HealthNotes;
  readonly dispatcher: Dispatcher;
}

/**
 * Acts on what attempts teach about the receiver behind an endpoint's URL: its breaker, its throttle (Retry-After), and that
 * it answered 410 or has failed for too long. All of it is in the endpoint's row, for other nodes and for the next run, and
 * ends with the URL.
 */
export class EndpointHealth implements SettledListener {
  readonly #o: EndpointHealthOptions;

  constructor(options: EndpointHealthOptions) {
    this.#o = options;
  }

  settled({ endpointId, state, reason }: Settlement, answer: SettleAnswer): void {
    if (answer !== 'superseded' && reason === 'gone') void this.#pauseGone(endpointId);
    if (state !== 'delivered') this.#disableFailing(endpointId);
  }

  /** Reads the endpoints' rows: what other nodes learned, and the previous run of this one. */
  async read(): Promise<void> {
    const { store, clock, dispatcher, notes } = this.#o;
    dispatcher.hearBreakers(await store.read.openBreakers());
    dispatcher.hearFailing(await store.read.failingEndpoints(), (id) => notes.hasUnsavedFailing(id));
    const readAt = clock.monotonic();
    const throttles = await store.read.throttles(clock.now());
    dispatcher.hearThrottles(throttles, readAt, (id) => notes.hasUnsavedThrottle(id));
  }

  /** The endpoint has another URL: no retry waits for what the previous one answered. */
  async moved(endpointId: string): Promise<void> {
    this.#o.notes.forget(endpointId);
    await this.#bringForward(endpointId, 'all');
  }

  /** Its secrets can be opened again: what waits for them is tried at once. */
  async unlocked(endpointId: string): Promise<void> {
    await this.#bringForward(endpointId, 'all');
  }

  /** Its receiver is reached in another way: what failed in the former one is tried again at once. */
  async reached(endpointId: string): Promise<void> {
    await this.#bringForward(endpointId, 'all');
  }

  /** Keys need no longer keep their order, or no longer past dead letters: what was held goes on. */
  async freed(endpointId: string, what: 'blocked_keys' | 'all_keys'): Promise<void> {
    if (what === 'all_keys') return await this.#bringForward(endpointId, 'deferred');
    try {
      for (let after: number | null = -1; after !== null;) {
        const now = this.#o.clock.now();
        after = await this.#o.store.write.freeKeys({ endpointId, now, after, limit: maxPerStep });
        this.#o.dispatcher.dueBy(endpointId, now);
      }
    } catch (error) {
      // They are looked at again by themselves.
      this.#failed(error as Error, endpointId, 'cannot free the keys of an endpoint');
    }
  }

  /** An operator acts: the endpoint is tried again at once, whatever its receiver asked for. */
  async clearThrottle(endpointId: string): Promise<void> {
    const isUnsaved = this.#o.notes.hasUnsavedThrottle(endpointId);
    this.#o.notes.forgetThrottle(endpointId);
    const wasThrottled = this.#o.dispatcher.clearThrottle(endpointId);
    try {
      const wasStored = await this.#o.store.write.clearThrottle(endpointId, this.#o.clock.now());
      if (wasThrottled || isUnsaved || wasStored) await this.#bringForward(endpointId, 'throttled');
    } catch (error) {
      this.#failed(error as Error, endpointId, 'cannot clear the throttle of an endpoint');
    }
  }

  /** The endpoint is gone by its own word (410): nothing more is sent until an operator resumes it or changes its URL. */
  async #pauseGone(endpointId: string): Promise<void> {
    const url = this.#o.notes.takeGone(endpointId);
    if (url === undefined) return;
    try {
      const endpoint = await this.#o.store.write.pauseGone(endpointId, url, this.#o.clock.now());
      // It has another URL by now, which answered nothing yet.
      if (endpoint === null) return;
      this.#o.dispatcher.setEndpoint(endpointId, endpoint);
      this.#o.logger.warn(
        { code: 'endpoint_gone', endpoint: endpointId },
        'the receiver answered 410 Gone: its endpoint is paused',
      );
    } catch (error) {
      // The next 410 tries again.
      this.#failed(error as Error, endpointId, 'cannot pause an endpoint that answered 410');
    }
  }

  /** After a failed attempt was settled: the endpoint is paused if it has only failed for too long. */
  #disableFailing(endpointId: string): void {
    const change = this.#o.notes.takeTooLong(endpointId);
    if (change !== undefined) void this.#pauseFailing(change);
  }

  async #pauseFailing(change: FailingChange): Promise<void> {
    const { endpointId } = change;
    try {
      const endpoint = await this.#o.store.write.pauseFailing(change);
      // According to its row it has not, because another node has delivered; or the pause came from elsewhere first.
      if (endpoint === null) return;
      this.#o.dispatcher.setEndpoint(endpointId, endpoint);
      this.#o.logger.warn(
        { code: 'endpoint_disabled', endpoint: endpointId },
        'the endpoint has failed every attempt for too long: it is paused',
      );
    } catch (error) {
      // The next failure tries again.
      this.#failed(error as Error, endpointId, 'cannot pause an endpoint that has failed for too long');
    }
  }

  async #bringForward(endpointId: string, only: BringForwardRequest['only']): Promise<void> {
    try {
      for (let count = maxPerStep; count >= maxPerStep;) {
        const now = this.#o.clock.now();
        count = await this.#o.store.write.bringForward({ endpointId, only, now, limit: maxPerStep });
        if (count > 0) this.#o.dispatcher.dueBy(endpointId, now);
      }
    } catch (error) {
      // They come due by their own schedule.
      this.#failed(error as Error, endpointId, 'cannot bring retries of an endpoint forward');
    }
  }

  #failed(error: Error, endpoint: string, message: string): void {
    this.#o.logger.error({ code: 'endpoint_health_failed', endpoint, error: error.message }, message);
  }
}
