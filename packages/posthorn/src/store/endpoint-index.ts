import type { Endpoint } from '../domain/endpoint.ts';
import { TenantSubscriptions } from '../domain/tenant-subscriptions.ts';

export interface KnownEndpoint {
  readonly num: number;
  readonly endpoint: Endpoint;
}

/** Endpoints that are not deleted, in memory: by id, by number, and by tenant and what they subscribe to. */
export class EndpointIndex {
  readonly #byId = new Map<string, KnownEndpoint>();
  readonly #byNum = new Map<number, KnownEndpoint>();
  readonly #subscriptions = new TenantSubscriptions<KnownEndpoint>();

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
    return this.#subscriptions.ofTenant(tenant);
  }

  /** Those of a tenant that take a type, in the order of their numbers. */
  subscribers(tenant: string, type: string): readonly KnownEndpoint[] {
    return [...this.#subscriptions.of(tenant, type)].sort((a, b) => a.num - b.num);
  }

  /** A new endpoint, or one that has changed. */
  keep(known: KnownEndpoint): void {
    const { num, endpoint } = known;
    this.forget(endpoint.id);
    this.#byId.set(endpoint.id, known);
    this.#byNum.set(num, known);
    this.#subscriptions.add(known, endpoint);
  }

  forget(id: string): void {
    const known = this.#byId.get(id);
    if (known === undefined) return;
    this.#byId.delete(id);
    this.#byNum.delete(known.num);
    this.#subscriptions.remove(known, known.endpoint);
  }
}
