import type { Endpoint } from '../../domain/endpoint.ts';
import {
  insertEndpoint,
  pauseFailing,
  pauseGone,
  removeEndpoint,
  updateEndpoint,
  writeConfig,
} from '../common/endpoints.ts';
import type { Steps } from '../common/steps.ts';
import type { FailingChange } from '../failures.ts';
import type { ConfigChange, EndpointChange } from '../store.ts';
import { perform } from './common.ts';
import { EndpointIndex } from '../endpoint-index.ts';
import { damageOf } from './damage.ts';
import type { Database } from './database.ts';

/**
 * All endpoints that are not deleted, in memory. This connection is their only writer, so what it
 * holds is what is stored: no fan-out can work from a stale copy.
 */
export class EndpointTable {
  readonly #db: Database;
  readonly index = new EndpointIndex();
  /** The version of endpoints and documents. In memory: it is not compared with one of a previous run. */
  version = 0;

  constructor(db: Database) {
    this.#db = db;
    for (const [num, id, document] of db.all(
      'SELECT num, id, document FROM endpoints WHERE deleted_at IS NULL',
    )) {
      const endpoint = db.json(document, 'the stored document of an endpoint') as Endpoint;
      if (endpoint.id !== id || !Array.isArray(endpoint.secrets))
        throw damageOf(db.path, `the stored document of endpoint ${String(id)} is not one`);
      this.index.keep({ num: num as number, endpoint });
    }
  }

  #keepWritten(endpoint: Endpoint): void {
    const num =
      this.index.get(endpoint.id)?.num ??
      (this.#db.get('SELECT num FROM endpoints WHERE id = ?', endpoint.id)![0] as number);
    this.index.keep({ num, endpoint });
  }

  #commit<T>(steps: Steps<T>): T {
    return this.#db.transaction(() => perform(this.#db, steps));
  }

  /** Commits a change of one endpoint, if there is one to make, and holds it then. */
  #commitOne(steps: Steps<Endpoint | null>): Endpoint | null {
    const changed = this.#commit(steps);
    if (changed === null) return null;
    this.#keepWritten(changed);
    this.version++;
    return changed;
  }

  create(endpoint: Endpoint): void {
    this.#commit(insertEndpoint(endpoint));
    this.#keepWritten(endpoint);
    this.version++;
  }

  update(id: string, change: EndpointChange): Endpoint | null {
    return this.#commitOne(updateEndpoint(id, change));
  }

  pauseGone(id: string, url: string, now: number): Endpoint | null {
    return this.#commitOne(pauseGone(id, url, now));
  }

  pauseFailing(change: FailingChange): Endpoint | null {
    const known = this.index.get(change.endpointId)?.endpoint;
    if (known === undefined || known.url !== change.url || !known.enabled) return null;
    return this.#commitOne(pauseFailing(change));
  }

  delete(id: string, now: number): boolean {
    if (!this.#commit(removeEndpoint(id, now))) return false;
    this.index.forget(id);
    this.version++;
    return true;
  }

  /** See `ConfigWrites`: endpoints and documents in one transaction, and in memory only once it is committed. */
  change(change: ConfigChange): Endpoint[] | null {
    if (change.version !== this.version) return null;
    const written = this.#commit(writeConfig(change));
    for (const id of change.deleteEndpoints ?? []) this.index.forget(id);
    for (const endpoint of written) this.#keepWritten(endpoint);
    this.version++;
    return written;
  }
}
