import type { Client, ListedDelivery } from '@posthorn/client';
import { subscribes } from '../../domain/endpoint.ts';
import { iso } from '../../domain/time.ts';
import { everyPage } from '../listing.ts';

/** Deliveries become visible in approximately the order of their creation, so the list is read again this far back. */
const overlapMs = 5000;

export interface Followed {
  readonly endpointId: string;
  /** Types, or wildcards such as `payment.*`; undefined: all. */
  readonly types: readonly string[] | undefined;
}

/** Reads an endpoint's deliveries as they are created, each once. */
export class Following {
  readonly #client: Pick<Client, 'deliveries'>;
  readonly #what: Followed;
  readonly #since: number;
  #newest: number;
  /** Ids that were returned, by creation time. */
  readonly #seen = new Map<string, number>();

  /** From `since` on, in ms since the epoch. */
  constructor(client: Pick<Client, 'deliveries'>, what: Followed, since: number) {
    this.#client = client;
    this.#what = what;
    this.#since = since;
    this.#newest = since;
  }

  /** What has been created since the last call, oldest first. */
  async next(): Promise<ListedDelivery[]> {
    const from = Math.max(this.#since, this.#newest - overlapMs);
    const found: ListedDelivery[] = [];
    for await (const { items } of everyPage((page) =>
      this.#client.deliveries.list({
        ...page,
        endpointId: this.#what.endpointId,
        since: iso(from),
        order: 'asc',
      }),
    ))
      found.push(...items.filter(({ id }) => !this.#seen.has(id)));
    for (const { id, createdAt } of found) {
      const at = Date.parse(createdAt);
      this.#seen.set(id, at);
      this.#newest = Math.max(this.#newest, at);
    }
    for (const [id, at] of this.#seen) if (at < this.#newest - overlapMs) this.#seen.delete(id);
    const { types } = this.#what;
    // The list itself does not support wildcards.
    return types === undefined ? found : found.filter(({ eventType }) => subscribes(types, eventType));
  }
}
