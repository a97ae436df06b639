import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointSigningKey } from '../domain/signing-keys.ts';

/** Public keys of all endpoints that have any, by the set that they are published in: a request costs one lookup. */
export class KeySets {
  readonly #keys = new Map<string, readonly EndpointSigningKey[]>();
  readonly #setOf = new Map<string, string>();

  /** Takes an endpoint as it is now; null: it was deleted. */
  take(id: string, endpoint: Endpoint | null): void {
    const former = this.#setOf.get(id);
    const keys = endpoint?.signingKeys ?? [];
    const set = keys[0]?.keySet;
    if (former !== undefined && former !== set) {
      this.#keys.delete(former);
      this.#setOf.delete(id);
    }
    if (set === undefined) return;
    this.#keys.set(set, keys);
    this.#setOf.set(id, set);
  }

  get(set: string): readonly EndpointSigningKey[] {
    return this.#keys.get(set) ?? [];
  }
}
