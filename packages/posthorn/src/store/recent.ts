import { subscribes } from '../domain/endpoint.ts';

/** Which of a tenant's newest events, and how much may be read for it. */
export interface RecentEventsRequest {
  readonly tenant: string;
  /** As endpoints subscribe: types, trailing wildcards, `*`. */
  readonly eventTypes: readonly string[];
  readonly limit: number;
  /** Limit of the newest events of all tenants that are looked through. */
  readonly maxScanned: number;
  /** Characters of data, after which no more events are read. */
  readonly maxPayload: number;
}

export interface RecentEvent {
  readonly id: string;
  readonly type: string;
  readonly acceptedAt: number;
  readonly data: string;
}

export interface RecentEvents {
  /** The newest first. */
  readonly events: readonly RecentEvent[];
  /** Whether no older event of them was left out. */
  readonly complete: boolean;
}

/** What a store reads of an event without its data: the type, if the event is the tenant's. */
export interface EventHead {
  readonly number: number;
  readonly type: string | null;
}

/** The numbers of the events that are asked for, the newest first, and whether more of them were found. */
export function pickRecent(
  heads: readonly EventHead[],
  { eventTypes, limit }: RecentEventsRequest,
): { readonly numbers: readonly number[]; readonly more: boolean } {
  const wanted = heads.filter(({ type }) => type !== null && subscribes(eventTypes, type));
  const numbers = wanted.map(({ number }) => number).toSorted((a, b) => b - a);
  return { numbers: numbers.slice(0, limit), more: numbers.length > limit };
}

/** Counts the data that was read. */
export class PayloadLimit {
  #left: number;

  constructor({ maxPayload }: RecentEventsRequest) {
    this.#left = maxPayload;
  }

  get isReached(): boolean {
    return this.#left <= 0;
  }

  take(data: string): void {
    this.#left -= data.length;
  }
}
