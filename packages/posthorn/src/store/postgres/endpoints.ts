import type { Endpoint } from '../../domain/endpoint.ts';
import { isTooLong } from '../../domain/failing.ts';
import {
  insertEndpoint,
  pauseFailing,
  pauseGone,
  removeEndpoint,
  updateEndpoint,
  writeConfig,
} from '../common/endpoints.ts';
import { failingWith } from '../common/failures.ts';
import type { Steps } from '../common/steps.ts';
import type { FailingChange } from '../failures.ts';
import type { ConfigChange, EndpointChange } from '../store.ts';
import { EndpointIndex, type KnownEndpoint } from '../endpoint-index.ts';
import { announced, announceFrom } from './announced.ts';
import { perform } from './common.ts';
import type { Database } from './database.ts';

export interface EndpointCopy {
  readonly version: number;
  readonly index: EndpointIndex;
}

/**
 * Endpoints that are not deleted, in a copy that knows its version. A write that depends on them compares the
 * version inside its own statement, so a stale copy is found out before anything is stored.
 */
export class EndpointTable {
  readonly #db: Database;
  #copy: EndpointCopy | null = null;
  #loading: Promise<EndpointCopy> | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  async #load(): Promise<EndpointCopy> {
    const rows = await this.#db.query(
      'endpoints_load',
      `SELECT c.version, e.num, e.document FROM posthorn.config c LEFT JOIN posthorn.endpoints e ON e.deleted_at IS NULL`,
    );
    const index = new EndpointIndex();
    for (const [, num, document] of rows)
      if (num !== null) index.keep({ num: num as number, endpoint: document as unknown as Endpoint });
    return { version: rows[0]![0] as number, index };
  }

  /** The copy, loaded where there is none or where it is known to be stale. */
  async current(staleVersion?: number): Promise<EndpointCopy> {
    if (this.#copy !== null && this.#copy.version !== staleVersion) return this.#copy;
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    this.#copy = await this.#loading;
    return this.#copy;
  }

  /** Forgets the copy: the next use reads it anew. */
  forget(): void {
    this.#copy = null;
  }

  async get(id: string): Promise<KnownEndpoint | undefined> {
    const [row] = await this.#db.query(
      'endpoint_get',
      'SELECT num, document FROM posthorn.endpoints WHERE id = $1 AND deleted_at IS NULL',
      [id],
    );
    return row === undefined ? undefined : { num: row[0] as number, endpoint: row[1] as unknown as Endpoint };
  }

  /** A transaction that announces its change; this node reads its copy anew, whatever became of it. */
  async #announced<T>(steps: () => Steps<T>): Promise<T> {
    try {
      return await announced(this.#db, (connection) => perform(connection, steps()));
    } finally {
      this.forget();
    }
  }

  async create(endpoint: Endpoint): Promise<void> {
    await this.#announced(() => insertEndpoint(endpoint));
  }

  async update(id: string, change: EndpointChange): Promise<Endpoint | null> {
    return await this.#announced(() => updateEndpoint(id, change));
  }

  async pauseGone(id: string, url: string, now: number): Promise<Endpoint | null> {
    return await this.#announced(() => pauseGone(id, url, now));
  }

  async pauseFailing(change: FailingChange): Promise<Endpoint | null> {
    const known = await this.get(change.endpointId);
    const failing = await this.#db.transaction((connection) => perform(connection, failingWith(change)));
    // If another node has delivered, no other node is to hear of anything.
    if (known === undefined || failing === null || !isTooLong(known.endpoint, failing, change.at))
      return null;
    return await this.#announced(() => pauseFailing(change));
  }

  async delete(id: string, now: number): Promise<boolean> {
    return await this.#announced(() => removeEndpoint(id, now));
  }

  async version(): Promise<number> {
    const [row] = await this.#db.query('config_version', 'SELECT version FROM posthorn.config');
    return row![0] as number;
  }

  /** See `ConfigWrites`. */
  async change(change: ConfigChange): Promise<Endpoint[] | null> {
    try {
      return await this.#db.transaction(async (connection) =>
        (await announceFrom(connection, change.version))
          ? await perform(connection, writeConfig(change))
          : null,
      );
    } finally {
      this.forget();
    }
  }
}
