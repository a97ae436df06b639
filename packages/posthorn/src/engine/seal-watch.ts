import type { Endpoint } from '../domain/endpoint.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Keyring } from '../secrets/keyring.ts';
import { missingKeys } from '../secrets/sealed-values.ts';

/** Endpoints that a log line or a status names. */
const maxNamed = 10;

/** Endpoints whose secrets this node cannot open, because it does not have the key. */
export interface LockedEndpoints {
  readonly count: number;
  /** Some of them. */
  readonly endpointIds: readonly string[];
  /** The keys that are missing here. */
  readonly keyIds: readonly string[];
}

/** Knows which endpoints need a secret key that this node does not have, and says so once. */
export class SealWatch {
  readonly #keyring: Keyring;
  readonly #logger: Logger;
  readonly #locked = new Map<string, readonly string[]>();
  #reported = 0;

  constructor(keyring: Keyring, logger: Logger) {
    this.#keyring = keyring;
    this.#logger = logger;
  }

  /** Takes an endpoint as it is now. Returns whether its secrets can be opened again, which could not. */
  take(id: string, endpoint: Endpoint | null): boolean {
    const missing = endpoint === null ? [] : missingKeys(this.#keyring, endpoint);
    if (missing.length === 0) return this.#locked.delete(id) && endpoint !== null;
    this.#locked.set(id, missing);
    return false;
  }

  /** Logs what has changed since the last time. */
  report(): void {
    const { count, endpointIds, keyIds } = this.locked;
    if (count === this.#reported) return;
    if (count > this.#reported)
      this.#logger.error(
        { code: 'secrets_locked', endpoints: count, some: endpointIds, missing_keys: keyIds },
        'secrets of endpoints cannot be opened: their attempts fail until the key is back in POSTHORN_SECRET_KEY, or the secrets are set again',
      );
    else if (count === 0)
      this.#logger.info({ code: 'secrets_open' }, 'the secrets of all endpoints can be opened again');
    this.#reported = count;
  }

  get locked(): LockedEndpoints {
    return {
      count: this.#locked.size,
      endpointIds: [...this.#locked.keys()].slice(0, maxNamed),
      keyIds: [...new Set([...this.#locked.values()].flat())].slice(0, maxNamed),
    };
  }
}
