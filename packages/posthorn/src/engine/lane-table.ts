import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import { TenantSubscriptions } from '../domain/tenant-subscriptions.ts';
import { FairBudget } from './fair-budget.ts';
import { Lane, type OpenSigner } from './lane.ts';

/** Over all lanes, each with a part of its own: characters of payload, attempts in flight, outcomes that wait for the disk. */
const maxPayload = 64 * 1024 * 1024;
const maxAttempts = 4096;
const maxOutcomes = 16_384;

/** All lanes, by endpoint and by tenant, and what they share (G8). */
export class LaneTable {
  readonly #lanes = new Map<string, Lane>();
  readonly #subscriptions = new TenantSubscriptions<Lane>();
  readonly #payload = new FairBudget(maxPayload);
  readonly #attempts: FairBudget;
  readonly #outcomes = new FairBudget(maxOutcomes);

  readonly #openSigner: OpenSigner;

  /** `capacity`: how many requests the transport can carry at once. */
  constructor(openSigner: OpenSigner, capacity: number = maxAttempts) {
    this.#openSigner = openSigner;
    this.#attempts = new FairBudget(Math.min(maxAttempts, capacity));
  }

  get size(): number {
    return this.#lanes.size;
  }

  get ids(): Iterable<string> {
    return this.#lanes.keys();
  }

  get(endpointId: string): Lane | undefined {
    return this.#lanes.get(endpointId);
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#lanes.values();
  }

  add(endpoint: Endpoint): Lane {
    const { id, tenant } = endpoint;
    const shares = {
      payload: this.#payload.share(tenant),
      attempts: this.#attempts.share(tenant),
      outcomes: this.#outcomes.share(tenant),
    };
    const lane = new Lane(endpoint, shares, this.#openSigner);
    this.#lanes.set(id, lane);
    this.#subscriptions.add(lane, endpoint);
    return lane;
  }

  /** See `Lane.change`. */
  change(lane: Lane, endpoint: Endpoint, now: number): boolean {
    this.#subscriptions.remove(lane, lane.endpoint);
    this.#subscriptions.add(lane, endpoint);
    return lane.change(endpoint, now);
  }

  remove(lane: Lane): void {
    this.#lanes.delete(lane.endpoint.id);
    for (const share of Object.values(lane.shares)) share.close();
    this.#subscriptions.remove(lane, lane.endpoint);
  }

  /** The lanes that these events may go to; some of them more than once. */
  *subscribed(groups: readonly (readonly NewEvent[])[]): Iterable<Lane> {
    for (const [tenant, types] of typesByTenant(groups))
      for (const type of types) yield* this.#subscriptions.of(tenant, type);
  }
}

/** The tenants of these events, each with its types. */
function typesByTenant(groups: readonly (readonly NewEvent[])[]): Map<string, Set<string>> {
  const types = new Map<string, Set<string>>();
  for (const group of groups) {
    for (const { tenant, type } of group) {
      const known = types.get(tenant);
      if (known === undefined) types.set(tenant, new Set([type]));
      else known.add(type);
    }
  }
  return types;
}
