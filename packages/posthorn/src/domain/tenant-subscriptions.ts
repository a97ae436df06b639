import { Subscriptions } from './subscriptions.ts';

/** What is said of a subscriber. */
interface Subscription {
  readonly tenant: string;
  readonly eventTypes: readonly string[];
}

/** Subscribers of each tenant, and who of them take a type. */
export class TenantSubscriptions<T> {
  readonly #byTenant = new Map<string, Subscriptions<T>>();

  add(subscriber: T, { tenant, eventTypes }: Subscription): void {
    let ofTenant = this.#byTenant.get(tenant);
    if (ofTenant === undefined) this.#byTenant.set(tenant, (ofTenant = new Subscriptions()));
    ofTenant.add(subscriber, eventTypes);
  }

  /** As it was added. */
  remove(subscriber: T, { tenant, eventTypes }: Subscription): void {
    const ofTenant = this.#byTenant.get(tenant);
    ofTenant?.remove(subscriber, eventTypes);
    if (ofTenant?.size === 0) this.#byTenant.delete(tenant);
  }

  ofTenant(tenant: string): Iterable<T> {
    return this.#byTenant.get(tenant) ?? [];
  }

  /** Those of a tenant who take this type, each once. */
  of(tenant: string, type: string): Iterable<T> {
    return this.#byTenant.get(tenant)?.of(type) ?? [];
  }
}
