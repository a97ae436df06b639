import { automaticPauses, changedEndpoint, endsFailing, type Endpoint } from '../../domain/endpoint.ts';
import { isTooLong } from '../../domain/failing.ts';
import type { FailingChange } from '../failures.ts';
import type { ConfigChange, EndpointChange, EndpointQuery } from '../store.ts';
import { damageOf } from './damage.ts';
import type { Database } from './database.ts';
import { failingWith, resetFailing } from '../common/failures.ts';
import { pauseEntry } from '../audit-log.ts';
import { removeDocument, writeDocument } from '../common/documents.ts';
import { contactForgotten } from '../contacts.ts';
import { perform } from './common.ts';
import { emptiedSecrets, nameTaken, removedSecrets } from '../config.ts';
import { writeAudit } from './audit-log.ts';

const withoutSecrets = `json_set(json_remove(document, ${removedSecrets.map((name) => `'$.${name}'`).join(', ')}),
  ${Object.entries(emptiedSecrets)
    .map(([name, value]) => `'$.${name}', json('${JSON.stringify(value)}')`)
    .join(', ')})`;

export interface KnownEndpoint {
  readonly num: number;
  readonly endpoint: Endpoint;
}

/**
 * All endpoints that are not deleted, in memory. This connection is their only writer, so what it
 * holds is what is stored: no fan-out can work from a stale copy.
 */
export class EndpointTable {
  readonly #db: Database;
  readonly #byId = new Map<string, KnownEndpoint>();
  readonly #byNum = new Map<number, KnownEndpoint>();
  readonly #byTenant = new Map<string, Map<string, KnownEndpoint>>();
  /** Of endpoints and documents. In memory: nobody compares it with one of a previous run. */
  version = 0;

  constructor(db: Database) {
    this.#db = db;
    for (const [num, id, document] of db.all(
      'SELECT num, id, document FROM endpoints WHERE deleted_at IS NULL',
    )) {
      const endpoint = db.json(document, 'the stored document of an endpoint') as Endpoint;
      if (endpoint.id !== id || !Array.isArray(endpoint.secrets))
        throw damageOf(db.path, `the stored document of endpoint ${String(id)} is not one`);
      this.#keep({ num: num as number, endpoint });
    }
  }

  #keep(known: KnownEndpoint): void {
    const { id, tenant } = known.endpoint;
    this.#byId.set(id, known);
    this.#byNum.set(known.num, known);
    let ofTenant = this.#byTenant.get(tenant);
    if (ofTenant === undefined) this.#byTenant.set(tenant, (ofTenant = new Map()));
    ofTenant.set(id, known);
  }

  get(id: string): KnownEndpoint | undefined {
    return this.#byId.get(id);
  }

  byNum(num: number): KnownEndpoint | undefined {
    return this.#byNum.get(num);
  }

  ofTenant(tenant: string): Iterable<KnownEndpoint> {
    return this.#byTenant.get(tenant)?.values() ?? [];
  }

  countOf(tenant: string): number {
    return this.#byTenant.get(tenant)?.size ?? 0;
  }

  list({ tenants, exceptTenant, ids, after, limit, order = 'asc' }: EndpointQuery): Endpoint[] {
    const precedes = (a: string, b: string): boolean => (order === 'asc' ? a < b : a > b);
    return [...this.#byId.values()]
      .map(({ endpoint }) => endpoint)
      .filter(
        ({ id, tenant }) =>
          (tenants === undefined || tenants.includes(tenant)) &&
          tenant !== exceptTenant &&
          (ids === undefined || ids.includes(id)) &&
          (after === null || precedes(after, id)),
      )
      .toSorted((a, b) => (precedes(a.id, b.id) ? -1 : 1))
      .slice(0, limit);
  }

  named(tenants: readonly string[], names: readonly string[]): Endpoint[] {
    return this.#idsNamed(tenants, names).flatMap((id) => this.#byId.get(id)?.endpoint ?? []);
  }

  #idsNamed(tenants: readonly string[], names: readonly string[]): string[] {
    return this.#db
      .all(
        `SELECT id FROM endpoints WHERE tenant IN (SELECT value FROM json_each(?)) AND name IN (SELECT value FROM json_each(?))
           AND deleted_at IS NULL AND name IS NOT NULL`,
        JSON.stringify(tenants),
        JSON.stringify(names),
      )
      .map(([id]) => id as string);
  }

  /** Within the transaction that takes the name. */
  #demandFree({ id, tenant, name }: Endpoint): void {
    if (name !== null && this.#idsNamed([tenant], [name]).some((other) => other !== id))
      throw nameTaken(tenant, name);
  }

  #insert(endpoint: Endpoint): KnownEndpoint {
    this.#demandFree(endpoint);
    const row = this.#db.get(
      'INSERT INTO endpoints (id, tenant, name, enabled, document) VALUES (?, ?, ?, ?, ?) RETURNING num',
      endpoint.id,
      endpoint.tenant,
      endpoint.name,
      Number(endpoint.enabled),
      JSON.stringify(endpoint),
    );
    return { num: row![0] as number, endpoint };
  }

  #write({ num, endpoint: before }: KnownEndpoint, change: EndpointChange): KnownEndpoint {
    const endpoint = changedEndpoint(before, change);
    if (endpoint.name !== before.name) this.#demandFree(endpoint);
    this.#db.run(
      'UPDATE endpoints SET name = ?, enabled = ?, document = ? WHERE num = ?',
      endpoint.name,
      Number(endpoint.enabled),
      JSON.stringify(endpoint),
      num,
    );
    // What was learned of a URL ends with it.
    if (endpoint.url !== before.url)
      this.#db.run(
        `UPDATE endpoints SET breaker_open_since = NULL, breaker_at = ?1, throttled_until = NULL, throttled_at = ?1,
           server_certificate = NULL, server_certificate_ends = NULL, server_certificate_at = ?1,
           ${contactForgotten} WHERE num = ?2`,
        change.updatedAt,
        num,
      );
    if (endsFailing(before, endpoint)) perform(this.#db, resetFailing(endpoint.id, change.updatedAt));
    return { num, endpoint };
  }

  #remove({ num }: KnownEndpoint, now: number): void {
    this.#db.run(
      `UPDATE endpoints SET deleted_at = ?, enabled = 0, document = ${withoutSecrets} WHERE num = ?`,
      now,
      num,
    );
  }

  #forget({ num, endpoint: { id, tenant } }: KnownEndpoint): void {
    this.#byId.delete(id);
    this.#byNum.delete(num);
    this.#byTenant.get(tenant)?.delete(id);
  }

  create(endpoint: Endpoint): void {
    this.#keep(this.#db.transaction(() => this.#insert(endpoint)));
    this.version++;
  }

  update(id: string, change: EndpointChange): Endpoint | null {
    const known = this.#byId.get(id);
    if (known === undefined) return null;
    const changed = this.#db.transaction(() => this.#write(known, change));
    this.#keep(changed);
    this.version++;
    return changed.endpoint;
  }

  pauseGone(id: string, url: string, now: number): Endpoint | null {
    const known = this.#byId.get(id);
    if (known === undefined || known.endpoint.url !== url) return null;
    const changed = this.#db.transaction(() => {
      const paused = this.#write(known, {
        enabled: false,
        pausedReason: automaticPauses.gone,
        updatedAt: now,
      });
      writeAudit(this.#db, [pauseEntry(known.endpoint, paused.endpoint)]);
      return paused;
    });
    this.#keep(changed);
    this.version++;
    return changed.endpoint;
  }

  pauseFailing(change: FailingChange): Endpoint | null {
    const { endpointId, url, at } = change;
    const known = this.#byId.get(endpointId);
    if (known === undefined || known.endpoint.url !== url || !known.endpoint.enabled) return null;
    const changed = this.#db.transaction(() => {
      const failing = perform(this.#db, failingWith(change));
      if (failing === null || !isTooLong(known.endpoint, failing, at)) return null;
      const pausedReason = automaticPauses.failing;
      const paused = this.#write(known, { enabled: false, pausedReason, updatedAt: at });
      writeAudit(this.#db, [pauseEntry(known.endpoint, paused.endpoint)]);
      return paused;
    });
    if (changed === null) return null;
    this.#keep(changed);
    this.version++;
    return changed.endpoint;
  }

  delete(id: string, now: number): boolean {
    const known = this.#byId.get(id);
    if (known === undefined) return false;
    this.#db.transaction(() => this.#remove(known, now));
    this.#forget(known);
    this.version++;
    return true;
  }

  /** See `Config`: endpoints and documents in one transaction, and in memory only once it is committed. */
  change(change: ConfigChange): Endpoint[] | null {
    if (change.version !== this.version) return null;
    const known = (id: string): KnownEndpoint => {
      const found = this.#byId.get(id);
      if (found === undefined) throw new Error(`there is no endpoint ${id}`);
      return found;
    };
    const deleted = (change.deleteEndpoints ?? []).map(known);
    const changed = this.#db.transaction(() => {
      for (const { kind, name, document } of change.putDocuments ?? [])
        perform(this.#db, writeDocument(kind, name, document));
      for (const { kind, name } of change.deleteDocuments ?? [])
        perform(this.#db, removeDocument(kind, name));
      for (const one of deleted) this.#remove(one, change.now);
      const written = [
        ...(change.createEndpoints ?? []).map((endpoint) => this.#insert(endpoint)),
        ...(change.updateEndpoints ?? []).map((one) => this.#write(known(one.id), one.change)),
      ];
      writeAudit(this.#db, change.audit ?? []);
      return written;
    });
    for (const one of deleted) this.#forget(one);
    for (const one of changed) this.#keep(one);
    this.version++;
    return changed.map(({ endpoint }) => endpoint);
  }
}
