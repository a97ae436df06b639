import { automaticPauses, changedEndpoint, endsFailing, type Endpoint } from '../../domain/endpoint.ts';
import { isTooLong } from '../../domain/failing.ts';
import type { FailingChange } from '../failures.ts';
import type { ConfigChange, EndpointChange, EndpointQuery } from '../store.ts';
import { pauseEntry } from '../audit-log.ts';
import { removeDocument, writeDocument } from '../common/documents.ts';
import { contactForgotten } from '../contacts.ts';
import { announced } from './announced.ts';
import { perform } from './common.ts';
import { emptiedSecrets, nameTaken, removedSecrets } from '../config.ts';
import { writeAudit } from './audit-log.ts';
import type { Connection, Database } from './database.ts';
import { failingWith, resetFailing } from '../common/failures.ts';
import { inList, tenantMatches, tenantValues } from './filter.ts';

export interface KnownEndpoint {
  readonly num: number;
  readonly endpoint: Endpoint;
}

export interface EndpointCopy {
  readonly version: number;
  readonly byId: ReadonlyMap<string, KnownEndpoint>;
  readonly byTenant: ReadonlyMap<string, readonly KnownEndpoint[]>;
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
    const byId = new Map<string, KnownEndpoint>();
    const byTenant = new Map<string, KnownEndpoint[]>();
    for (const [, num, document] of rows) {
      if (num === null) continue;
      const known = { num: num as number, endpoint: document as unknown as Endpoint };
      byId.set(known.endpoint.id, known);
      const list = byTenant.get(known.endpoint.tenant);
      if (list === undefined) byTenant.set(known.endpoint.tenant, [known]);
      else list.push(known);
    }
    return { version: rows[0]![0] as number, byId, byTenant };
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

  async countOf(tenant: string): Promise<number> {
    const [row] = await this.#db.query(
      'endpoint_count',
      'SELECT count(*) FROM posthorn.endpoints WHERE tenant = $1 AND deleted_at IS NULL',
      [tenant],
    );
    return row![0] as number;
  }

  async list(query: EndpointQuery): Promise<Endpoint[]> {
    const { ids = null, after, limit, order = 'asc' } = query;
    const rows = await this.#db.query(
      `endpoint_list_${order}`,
      `SELECT document FROM posthorn.endpoints WHERE deleted_at IS NULL AND ${tenantMatches('tenant', 1, 2)}
         AND ($3::text IS NULL OR id COLLATE "C" ${order === 'asc' ? '>' : '<'} $3) AND ${inList('id', 5)}
       ORDER BY id COLLATE "C" ${order} LIMIT $4`,
      [...tenantValues(query), after, Number.isFinite(limit) ? limit : null, ids],
    );
    return rows.map(([document]) => document as unknown as Endpoint);
  }

  async named(
    tenants: readonly string[],
    names: readonly string[],
    connection: Connection = this.#db,
  ): Promise<Endpoint[]> {
    const rows = await connection.query(
      'endpoints_named',
      `SELECT document FROM posthorn.endpoints WHERE tenant = ANY ($1::text[]) AND name = ANY ($2::text[])
         AND deleted_at IS NULL AND name IS NOT NULL`,
      [tenants, names],
    );
    return rows.map(([document]) => document as unknown as Endpoint);
  }

  /** Within the transaction that takes the name: whoever changes an endpoint holds the row of the version. */
  async #demandFree(connection: Connection, { id, tenant, name }: Endpoint): Promise<void> {
    if (name === null) return;
    const others = await this.named([tenant], [name], connection);
    if (others.some((other) => other.id !== id)) throw nameTaken(tenant, name);
  }

  async #insert(connection: Connection, endpoint: Endpoint): Promise<void> {
    await this.#demandFree(connection, endpoint);
    await connection.query(
      'endpoint_create',
      'INSERT INTO posthorn.endpoints (id, tenant, name, enabled, document) VALUES ($1, $2, $3, $4, $5)',
      [endpoint.id, endpoint.tenant, endpoint.name, endpoint.enabled, JSON.stringify(endpoint)],
    );
  }

  /** Changes an endpoint while its row is locked; null, with nothing written, if there is none or nothing is to change. */
  async #write(
    connection: Connection,
    id: string,
    changeFrom: (endpoint: Endpoint) => EndpointChange | null,
  ): Promise<Endpoint | null> {
    const [row] = await connection.query(
      'endpoint_lock',
      'SELECT document FROM posthorn.endpoints WHERE id = $1 AND deleted_at IS NULL FOR UPDATE',
      [id],
    );
    if (row === undefined) return null;
    const before = row[0] as unknown as Endpoint;
    const change = changeFrom(before);
    if (change === null) return null;
    const endpoint = changedEndpoint(before, change);
    if (endpoint.name !== before.name) await this.#demandFree(connection, endpoint);
    await connection.query(
      'endpoint_update',
      'UPDATE posthorn.endpoints SET name = $2, enabled = $3, document = $4 WHERE id = $1',
      [id, endpoint.name, endpoint.enabled, JSON.stringify(endpoint)],
    );
    // What was learned of a URL ends with it.
    if (endpoint.url !== before.url)
      await connection.query(
        'endpoint_moved',
        `UPDATE posthorn.endpoints SET breaker_open_since = NULL, breaker_at = $2, throttled_until = NULL, throttled_at = $2,
           server_certificate = NULL, server_certificate_ends = NULL, server_certificate_at = $2,
           ${contactForgotten} WHERE id = $1`,
        [id, change.updatedAt],
      );
    if (endsFailing(before, endpoint)) await perform(connection, resetFailing(id, change.updatedAt));
    return endpoint;
  }

  async #remove(connection: Connection, id: string, now: number): Promise<boolean> {
    const rows = await connection.query(
      'endpoint_delete',
      `UPDATE posthorn.endpoints SET deleted_at = $2, enabled = false, document = document - $3::text[] || $4::jsonb
       WHERE id = $1 AND deleted_at IS NULL RETURNING num`,
      [id, now, removedSecrets, JSON.stringify(emptiedSecrets)],
    );
    return rows.length > 0;
  }

  async #announced<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await announced(this.#db, work);
    } finally {
      this.forget();
    }
  }

  async create(endpoint: Endpoint): Promise<void> {
    await this.#announced((connection) => this.#insert(connection, endpoint));
  }

  async update(id: string, change: EndpointChange): Promise<Endpoint | null> {
    return await this.#announced((connection) => this.#write(connection, id, () => change));
  }

  async pauseGone(id: string, url: string, now: number): Promise<Endpoint | null> {
    return await this.#announced(async (connection) => {
      const found: Endpoint[] = [];
      const paused = await this.#write(connection, id, (endpoint) => {
        found.push(endpoint);
        return endpoint.url === url
          ? { enabled: false, pausedReason: automaticPauses.gone, updatedAt: now }
          : null;
      });
      if (paused !== null) await writeAudit(connection, [pauseEntry(found[0]!, paused)]);
      return paused;
    });
  }

  async pauseFailing(change: FailingChange): Promise<Endpoint | null> {
    const { endpointId, url, at } = change;
    const known = await this.get(endpointId);
    const before = await this.#db.transaction((connection) => perform(connection, failingWith(change)));
    // Where another node has delivered nobody else is to hear of anything.
    if (known === undefined || before === null || !isTooLong(known.endpoint, before, at)) return null;
    return await this.#announced(async (connection) => {
      const failing = await perform(connection, failingWith(change));
      const found: Endpoint[] = [];
      const paused = await this.#write(connection, endpointId, (endpoint) => {
        found.push(endpoint);
        const isDue = failing !== null && isTooLong(endpoint, failing, at);
        if (!isDue || endpoint.url !== url || !endpoint.enabled) return null;
        return { enabled: false, pausedReason: automaticPauses.failing, updatedAt: at };
      });
      if (paused !== null) await writeAudit(connection, [pauseEntry(found[0]!, paused)]);
      return paused;
    });
  }

  async delete(id: string, now: number): Promise<boolean> {
    return await this.#announced((connection) => this.#remove(connection, id, now));
  }

  async version(): Promise<number> {
    const [row] = await this.#db.query('config_version', 'SELECT version FROM posthorn.config');
    return row![0] as number;
  }

  /** See `Config`. */
  async change(change: ConfigChange): Promise<Endpoint[] | null> {
    const missing = (id: string): Error => new Error(`there is no endpoint ${id}`);
    try {
      return await this.#db.transaction(async (connection) => {
        const raised = await connection.query(
          'config_raise_from',
          'UPDATE posthorn.config SET version = version + 1 WHERE version = $1 RETURNING 1',
          [change.version],
        );
        if (raised.length === 0) return null;
        await connection.query('config_notify', "SELECT pg_notify('posthorn_config', '')");
        for (const { kind, name, document } of change.putDocuments ?? [])
          await perform(connection, writeDocument(kind, name, document));
        for (const { kind, name } of change.deleteDocuments ?? [])
          await perform(connection, removeDocument(kind, name));
        for (const id of change.deleteEndpoints ?? [])
          if (!(await this.#remove(connection, id, change.now))) throw missing(id);
        const changed: Endpoint[] = [...(change.createEndpoints ?? [])];
        for (const endpoint of changed) await this.#insert(connection, endpoint);
        for (const { id, change: fields } of change.updateEndpoints ?? []) {
          const endpoint = await this.#write(connection, id, () => fields);
          if (endpoint === null) throw missing(id);
          changed.push(endpoint);
        }
        await writeAudit(connection, change.audit ?? []);
        return changed;
      });
    } finally {
      this.forget();
    }
  }
}
