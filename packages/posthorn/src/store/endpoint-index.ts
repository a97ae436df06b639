import type { Endpoint } from '../domain/endpoint.ts';
import { Subscriptions } from '../domain/subscriptions.ts';

export interface KnownEndpoint {
  readonly num: number;
  readonly endpoint: Endpoint;
}

/** Endpoints that are not deleted, in memory: by id, by number, and by tenant and what they subscribe to. */
export class EndpointIndex {
  readonly #byId = new Map<string, KnownEndpoint>();
  readonly #byNum = new Map<number, KnownEndpoint>();
  readonly #byTenant = new Map<string, Subscriptions<KnownEndpoint>>();

  get(id: string): KnownEndpoint | undefined {
    return this.#byId.get(id);
  }

  byNum(num: number): KnownEndpoint | undefined {
    return this.#byNum.get(num);
  }

  all(): Iterable<KnownEndpoint> {
    return this.#byId.values();
  }

  ofTenant(tenant: string): Iterable<KnownEndpoint> {
    return this.#byTenant.get(tenant) ?? [];
  }

  /** Those of a tenant that take a type, in the order of their numbers. */
  subscribers(tenant: string, type: string): readonly KnownEndpoint[] {
    const found = this.#byTenant.get(tenant)?.of(type) ?? [];
    return [...found].sort((a, b) => a.num - b.num);
  }

  /** A new endpoint, or one that has changed. */
  keep(known: KnownEndpoint): void {
    const { id, tenant, eventTypes } = known.endpoint;
    this.forget(id);
    this.#byId.set(id, known);
    this.#byNum.set(known.num, known);
    let ofTenant = this.#byTenant.get(tenant);
    if (ofTenant === undefined) this.#byTenant.set(tenant, (ofTenant = new Subscriptions()));
    ofTenant.add(known, eventTypes);
  }

  forget(id: string): void {
    const known = this.#byId.get(id);
    if (known === undefined) return;
    const { tenant, eventTypes } = known.endpoint;
    this.#byId.delete(id);
    this.#byNum.delete(known.num);
    const ofTenant = this.#byTenant.get(tenant)!;
    ofTenant.remove(known, eventTypes);
    if (ofTenant.size === 0) this.#byTenant.delete(tenant);
  }
}
