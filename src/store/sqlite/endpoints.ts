import type { Endpoint } from '../../domain/endpoint.ts';
import type { EndpointChange } from '../store.ts';
import type { Database } from './database.ts';

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
  readonly #byTenant = new Map<string, Map<string, KnownEndpoint>>();

  constructor(db: Database) {
    this.#db = db;
    for (const [num, document] of db.all('SELECT num, document FROM endpoints WHERE deleted_at IS NULL')) {
      this.#keep({ num: num as number, endpoint: JSON.parse(document as string) as Endpoint });
    }
  }

  #keep(known: KnownEndpoint): void {
    const { id, tenant } = known.endpoint;
    this.#byId.set(id, known);
    let ofTenant = this.#byTenant.get(tenant);
    if (ofTenant === undefined) this.#byTenant.set(tenant, (ofTenant = new Map()));
    ofTenant.set(id, known);
  }

  get(id: string): KnownEndpoint | undefined {
    return this.#byId.get(id);
  }

  ofTenant(tenant: string): Iterable<KnownEndpoint> {
    return this.#byTenant.get(tenant)?.values() ?? [];
  }

  list(query: { tenant: string | null; after: string | null; limit: number }): Endpoint[] {
    return [...this.#byId.values()]
      .map(({ endpoint }) => endpoint)
      .filter(
        ({ id, tenant }) =>
          (query.tenant === null || tenant === query.tenant) && (query.after === null || id > query.after),
      )
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, query.limit);
  }

  create(endpoint: Endpoint): void {
    const row = this.#db.transaction(() =>
      this.#db.get(
        'INSERT INTO endpoints (id, tenant, enabled, document) VALUES (?, ?, ?, ?) RETURNING num',
        endpoint.id,
        endpoint.tenant,
        Number(endpoint.enabled),
        JSON.stringify(endpoint),
      ),
    );
    this.#keep({ num: row![0] as number, endpoint });
  }

  update(id: string, change: EndpointChange): Endpoint | null {
    const known = this.#byId.get(id);
    if (known === undefined) return null;
    const endpoint: Endpoint = { ...known.endpoint, ...change };
    this.#db.transaction(() =>
      this.#db.run(
        'UPDATE endpoints SET enabled = ?, document = ? WHERE num = ?',
        Number(endpoint.enabled),
        JSON.stringify(endpoint),
        known.num,
      ),
    );
    this.#keep({ num: known.num, endpoint });
    return endpoint;
  }

  delete(id: string, now: number): boolean {
    const known = this.#byId.get(id);
    if (known === undefined) return false;
    this.#db.transaction(() =>
      this.#db.run('UPDATE endpoints SET deleted_at = ?, enabled = 0 WHERE num = ?', now, known.num),
    );
    this.#byId.delete(id);
    this.#byTenant.get(known.endpoint.tenant)?.delete(id);
    return true;
  }
}
