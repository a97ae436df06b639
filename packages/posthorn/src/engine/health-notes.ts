import type { Endpoint } from '../domain/endpoint.ts';
import type { Certificate } from '../domain/reach.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BreakerChange, SeenCertificate, ThrottleChange } from '../store/breakers.ts';
import type { FailingChange } from '../store/failures.ts';
import { ChangeKeeper } from './change-keeper.ts';
import type { LaneContact } from './lane-contact.ts';
import type { StoreWrite } from '../store/store.ts';

const maxNoted = 20_000;
/** When attempts last succeeded and failed is written this often, and of so many endpoints at once: no attempt waits for it. */
const contactPaceMs = 5000;
const maxContacts = 2000;

/** Takes down what attempts find out about receivers. Every method is cheap and never throws. */
export interface HealthListener {
  /** An endpoint's breaker has opened or closed on this node. */
  noteBreaker(change: BreakerChange): void;
  /** An endpoint that is disabled once it has only failed for some time has failed, or delivered again; `isTooLong`: now. */
  noteFailing(change: FailingChange, isTooLong: boolean): void;
  /** A receiver has asked this node for no requests until then. */
  noteThrottle(change: ThrottleChange): void;
  /** A receiver has presented a certificate that it did not a moment ago. */
  noteCertificate(endpoint: Endpoint, certificate: Certificate, at: number): void;
  /** An attempt has ended, and what is known of its endpoint is not yet noted. */
  noteContact(endpoint: Endpoint, contact: LaneContact): void;
  /** The receiver of this endpoint has answered 410. */
  noteGone(endpoint: Endpoint): void;
}

interface NotedContact {
  readonly endpointId: string;
  readonly url: string;
  readonly seen: LaneContact;
}

export interface HealthNotesOptions {
  readonly store: Pick<
    StoreWrite,
    'saveBreakers' | 'saveThrottles' | 'saveServerCertificates' | 'saveContacts' | 'saveFailing'
  >;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What this node has learned about receivers, until it is in their endpoints' rows. */
export class HealthNotes implements HealthListener {
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

  constructor({ store, clock, logger }: HealthNotesOptions) {
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

  /** Whether the endpoint's row does not yet say what this node knows of its failures. */
  hasUnsavedFailing(endpointId: string): boolean {
    return this.#failures.isUnsaved(endpointId);
  }

  hasUnsavedThrottle(endpointId: string): boolean {
    return this.#throttles.isUnsaved(endpointId);
  }

  forgetThrottle(endpointId: string): void {
    this.#throttles.forget(endpointId);
  }

  /** Takes the URL that answered 410; undefined if none did. */
  takeGone(endpointId: string): string | undefined {
    const url = this.#gone.get(endpointId);
    if (url !== undefined) this.#gone.delete(endpointId);
    return url;
  }

  /** Takes the failure that was one too many; undefined if none was. */
  takeTooLong(endpointId: string): FailingChange | undefined {
    const change = this.#tooLong.get(endpointId);
    if (change !== undefined) this.#tooLong.delete(endpointId);
    return change;
  }

  /** The endpoint has another URL: what was noted about the former one is no longer true. */
  forget(endpointId: string): void {
    for (const keeper of this.#keepers) keeper.forget(endpointId);
    this.#tooLong.delete(endpointId);
    this.#noted.delete(endpointId);
    this.#gone.delete(endpointId);
  }

  /** Writes what is not yet written. */
  async stop(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
  }

  get #keepers() {
    return [this.#breakers, this.#throttles, this.#failures, this.#certificates, this.#contacts] as const;
  }
}
