import type { Endpoint } from '../domain/endpoint.ts';
import { freedBy } from '../domain/ordering.ts';
import type { Keyring } from '../secrets/keyring.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { StoreRead } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import type { KeySets } from './key-sets.ts';
import { reachesOtherwise } from './opened-reach.ts';
import type { SealWatch } from './seal-watch.ts';

export interface EndpointSyncOptions {
  readonly store: Pick<StoreRead, 'endpoints'>;
  readonly keyring: Pick<Keyring, 'open'>;
  readonly dispatcher: Dispatcher;
  readonly health: EndpointHealth;
  readonly keySets: KeySets;
  readonly sealWatch: SealWatch;
}

/** Keeps what this node has in memory of endpoints as it is in the store, and acts on what has changed. */
export class EndpointSync {
  readonly #o: EndpointSyncOptions;

  constructor(options: EndpointSyncOptions) {
    this.#o = options;
  }

  /** Reads all endpoints. */
  async load(): Promise<void> {
    const { store, dispatcher, sealWatch } = this.#o;
    const missing = new Set(dispatcher.endpointIds);
    for await (const endpoint of everyEndpoint(store)) {
      this.#take(endpoint.id, endpoint);
      missing.delete(endpoint.id);
    }
    for (const id of missing) this.#take(id, null);
    sealWatch.report();
  }

  /** An endpoint has changed; null: it was deleted. */
  changed(id: string, endpoint: Endpoint | null): void {
    this.#take(id, endpoint);
    this.#o.sealWatch.report();
    if (endpoint?.enabled === true) this.#o.dispatcher.wake([id]);
  }

  /** Called by the first to know, a change here or the hint to all nodes: a new URL or a resume is a new beginning. */
  #take(id: string, endpoint: Endpoint | null): void {
    const { dispatcher, health, keySets, sealWatch, keyring } = this.#o;
    const former = dispatcher.endpoint(id);
    const hasMoved = dispatcher.setEndpoint(id, endpoint);
    keySets.take(id, endpoint);
    const isUnlocked = sealWatch.take(id, endpoint);
    if (hasMoved) void health.moved(id);
    else if (isUnlocked) void health.unlocked(id);
    else if (former?.enabled === false && endpoint?.enabled === true) void health.clearThrottle(id);
    if (former === undefined || endpoint === null) return;
    if (!hasMoved && reachesOtherwise(former, endpoint, keyring)) void health.reached(id);
    const freed = freedBy(former, endpoint);
    if (freed !== null) void health.freed(id, freed);
  }
}
