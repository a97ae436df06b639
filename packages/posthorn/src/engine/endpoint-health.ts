import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Blocking } from '../store/blocking.ts';
import type { Certificate } from '../domain/reach.ts';
import type { FailingChange, Failures } from '../store/failures.ts';
import type { BreakerChange, Breakers, SeenCertificate, ThrottleChange } from '../store/breakers.ts';
import type { BringForwardRequest, DeliveryPath, Endpoints } from '../store/store.ts';
import { ChangeKeeper } from './change-keeper.ts';
import type { LaneContact } from './lane-contact.ts';
import type { Dispatcher } from './dispatcher.ts';

/** So many deliveries are brought forward in one transaction. */
const maxPerStep = 1000;
const maxNoted = 20_000;
/** When attempts last succeeded and failed is written this often, and of so many endpoints at once: no attempt waits for it. */
const contactPaceMs = 5000;
const maxContacts = 2000;

interface NotedContact {
  readonly endpointId: string;
  readonly url: string;
  readonly seen: LaneContact;
}

type HealthStore = Breakers &
  Pick<Blocking, 'freeKeys'> &
  Pick<DeliveryPath, 'bringForward'> &
  Pick<Endpoints, 'pauseGone'> &
  Failures;
type HealthDispatcher = Pick<
  Dispatcher,
  'hearBreakers' | 'hearFailing' | 'hearThrottles' | 'clearThrottle' | 'dueBy' | 'setEndpoint'
>;

/**
 * What attempts teach about the receiver behind an endpoint's URL: its breaker, its throttle (Retry-After), and that it is
 * gone (410). All of it stands in the endpoint's row, for other nodes and for the next run, and ends with the URL.
 */
export class EndpointHealth {
  readonly #store: HealthStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #dispatcher: () => HealthDispatcher;
  readonly #breakers: ChangeKeeper<BreakerChange>;
  readonly #throttles: ChangeKeeper<ThrottleChange>;
  readonly #failures: ChangeKeeper<FailingChange>;
  readonly #certificates: ChangeKeeper<SeenCertificate>;
  readonly #contacts: ChangeKeeper<NotedContact>;
  /** By endpoint: URL and fingerprint of what was noted last. Forgotten all at once, at the cost of noting them again. */
  readonly #noted = new Map<string, string>();
  /** By endpoint: the URL that answered 410. */
  readonly #gone = new Map<string, string>();
  /** By endpoint: the failure that is one too many. */
  readonly #tooLong = new Map<string, FailingChange>();

  constructor(options: {
    store: HealthStore;
    clock: Clock;
    logger: Logger;
    dispatcher: () => HealthDispatcher;
  }) {
    const { store, clock, logger } = options;
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#dispatcher = options.dispatcher;
    this.#breakers = new ChangeKeeper({ save: (changes) => store.saveBreakers(changes), clock, logger });
    this.#throttles = new ChangeKeeper({ save: (changes) => store.saveThrottles(changes), clock, logger });
    this.#failures = new ChangeKeeper({ save: (changes) => store.saveFailing(changes), clock, logger });
    this.#certificates = new ChangeKeeper({
      save: (seen) => store.saveServerCertificates(seen),
      clock,
      logger,
    });
    this.#contacts = new ChangeKeeper({
      save: (noted) => store.saveContacts(noted.map(({ seen, ...of }) => ({ ...of, contact: seen.take() }))),
      clock,
      logger,
      paceMs: contactPaceMs,
      maxChanges: maxContacts,
    });
  }

  noteBreaker(change: BreakerChange): void {
    this.#breakers.note(change);
  }

  noteThrottle(change: ThrottleChange): void {
    this.#throttles.note(change);
  }

  noteFailing(change: FailingChange, isTooLong: boolean): void {
    if (isTooLong) this.#tooLong.set(change.endpointId, change);
    else {
      this.#tooLong.delete(change.endpointId);
      this.#failures.note(change);
    }
  }

  noteCertificate({ id, url }: Endpoint, certificate: Certificate, at: number): void {
    const noted = `${url} ${certificate.fingerprint}`;
    if (this.#noted.get(id) === noted) return;
    if (this.#noted.size >= maxNoted) this.#noted.clear();
    this.#noted.set(id, noted);
    this.#certificates.note({ endpointId: id, url, certificate, at });
  }

  noteContact({ id: endpointId, url }: Endpoint, seen: LaneContact): void {
    seen.isNoted = true;
    this.#contacts.note({ endpointId, url, seen });
  }

  noteGone({ id, url }: Endpoint): void {
    this.#gone.set(id, url);
  }

  /** Reads the endpoints' rows: what other nodes learned, and the former run of this one. */
  async read(): Promise<void> {
    this.#dispatcher().hearBreakers(await this.#store.openBreakers());
    const failing = await this.#store.failingEndpoints();
    this.#dispatcher().hearFailing(failing, (id) => this.#failures.isUnsaved(id));
    const readAt = this.#clock.monotonic();
    const throttles = await this.#store.throttles(this.#clock.now());
    this.#dispatcher().hearThrottles(throttles, readAt, (id) => this.#throttles.isUnsaved(id));
  }

  /** The endpoint has another URL: no retry waits for what the former one answered. */
  async moved(endpointId: string): Promise<void> {
    this.#throttles.forget(endpointId);
    this.#breakers.forget(endpointId);
    this.#failures.forget(endpointId);
    this.#tooLong.delete(endpointId);
    this.#certificates.forget(endpointId);
    this.#contacts.forget(endpointId);
    this.#noted.delete(endpointId);
    this.#gone.delete(endpointId);
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
        const now = this.#clock.now();
        after = await this.#store.freeKeys({ endpointId, now, after, limit: maxPerStep });
        this.#dispatcher().dueBy(endpointId, now);
      }
    } catch (error) {
      // They are looked at again by themselves.
      this.#failed(error as Error, endpointId, 'cannot free the keys of an endpoint');
    }
  }

  /** An operator acts: the endpoint is tried again at once, whatever its receiver asked for. */
  async clearThrottle(endpointId: string): Promise<void> {
    const isUnsaved = this.#throttles.isUnsaved(endpointId);
    this.#throttles.forget(endpointId);
    const wasThrottled = this.#dispatcher().clearThrottle(endpointId);
    try {
      const stood = await this.#store.clearThrottle(endpointId, this.#clock.now());
      if (wasThrottled || isUnsaved || stood) await this.#bringForward(endpointId, 'throttled');
    } catch (error) {
      this.#failed(error as Error, endpointId, 'cannot clear the throttle of an endpoint');
    }
  }

  /** The endpoint is gone by its own word (410): nothing more is sent until an operator resumes it or changes its URL. */
  async pauseGone(endpointId: string): Promise<void> {
    const url = this.#gone.get(endpointId);
    if (url === undefined) return;
    this.#gone.delete(endpointId);
    try {
      const endpoint = await this.#store.pauseGone(endpointId, url, this.#clock.now());
      // It has another URL by now, which answered nothing yet.
      if (endpoint === null) return;
      this.#dispatcher().setEndpoint(endpointId, endpoint);
      this.#logger.warn(
        { code: 'endpoint_gone', endpoint: endpointId },
        'the receiver answered 410 Gone: its endpoint is paused',
      );
    } catch (error) {
      // The next 410 tries again.
      this.#failed(error as Error, endpointId, 'cannot pause an endpoint that answered 410');
    }
  }

  /** After a failed attempt was settled: the endpoint is paused if it has only failed for too long. */
  disableFailing(endpointId: string): void {
    const change = this.#tooLong.get(endpointId);
    if (change === undefined) return;
    this.#tooLong.delete(endpointId);
    void this.#pauseFailing(change);
  }

  async #pauseFailing(change: FailingChange): Promise<void> {
    const { endpointId } = change;
    try {
      const endpoint = await this.#store.pauseFailing(change);
      // By its row it has not, because another node has delivered; or somebody was faster.
      if (endpoint === null) return;
      this.#dispatcher().setEndpoint(endpointId, endpoint);
      this.#logger.warn(
        { code: 'endpoint_disabled', endpoint: endpointId },
        'the endpoint has failed every attempt for too long: it is paused',
      );
    } catch (error) {
      // The next failure tries again.
      this.#failed(error as Error, endpointId, 'cannot pause an endpoint that has failed for too long');
    }
  }

  /** Writes what is not yet written. */
  async stop(): Promise<void> {
    const all = [this.#breakers, this.#throttles, this.#failures, this.#certificates, this.#contacts];
    await Promise.all(all.map((changes) => changes.stop()));
  }

  async #bringForward(endpointId: string, only: BringForwardRequest['only']): Promise<void> {
    try {
      for (let count = maxPerStep; count >= maxPerStep;) {
        const now = this.#clock.now();
        count = await this.#store.bringForward({ endpointId, only, now, limit: maxPerStep });
        if (count > 0) this.#dispatcher().dueBy(endpointId, now);
      }
    } catch (error) {
      // They come due by their own schedule.
      this.#failed(error as Error, endpointId, 'cannot bring retries of an endpoint forward');
    }
  }

  #failed(error: Error, endpoint: string, message: string): void {
    this.#logger.error({ code: 'endpoint_health_failed', endpoint, error: error.message }, message);
  }
}
