import type { Value } from '../domain/money.ts';
import type { TenantFilter } from './filters.ts';
import type { AttemptRecord } from './delivery-record.ts';
import type { NumberRange, SearchPage, SearchStep } from './search.ts';

// Searching events as deliveries are searched, and finding things by a piece of their names.

export interface EventSearch extends TenantFilter {
  readonly types?: readonly string[];
  readonly orderingKeys?: readonly string[];
  /** Any of them. */
  readonly routingKeys?: readonly string[];
  /** Events with a delivery to any of these. */
  readonly endpointIds?: readonly string[];
  /** Whether any endpoint takes it. */
  readonly matched?: boolean;
  /** Bounds on when it was accepted: since ≤ t < until. */
  readonly since?: number;
  readonly until?: number;
}

/** An event without its data. */
export interface FoundEvent {
  readonly number: number;
  readonly tenant: string;
  readonly id: string;
  readonly type: string;
  readonly acceptedAt: number;
  readonly occurredAt: number | null;
  readonly orderingKey: string | null;
  readonly routingKeys: readonly string[];
  readonly value: Value | null;
  readonly deliveries: number;
  readonly suppressed: number;
  readonly dataDeletedAt: number | null;
}

/** Names are found by a piece of them, whatever the case of its letters. */
export interface NameQuery extends TenantFilter {
  readonly text: string;
  readonly limit: number;
}

export interface EndpointNameQuery extends NameQuery {
  readonly ids?: readonly string[];
  /** By their owners too. */
  readonly byOwner: boolean;
}

export interface FoundEndpoint {
  readonly id: string;
  readonly tenant: string;
  readonly name: string | null;
  readonly url: string;
  readonly owner: string | null;
}

export interface EventSearching {
  eventsWithin(window: { readonly since?: number; readonly until?: number }): Promise<NumberRange>;
  searchEvents(search: EventSearch, page: SearchPage): Promise<SearchStep>;
  /** In the order asked for; those that are not there are left out. */
  foundEvents(numbers: readonly number[]): Promise<readonly FoundEvent[]>;
  /** Numbers of events of this id, in any of up to `maxTenants` tenants. */
  eventsById(id: string, tenants: readonly string[] | undefined): Promise<readonly number[]>;
  /** Attempts of these deliveries, by delivery and number. */
  attemptsOf(numbers: readonly number[]): Promise<readonly (AttemptRecord & { readonly delivery: number })[]>;
  /** Endpoints that are not deleted, by their URL or name. */
  findEndpoints(query: EndpointNameQuery): Promise<readonly FoundEndpoint[]>;
  /** Types of events that were counted. */
  findEventTypes(query: NameQuery): Promise<readonly string[]>;
}

/** Tenants in which an id is looked for, if none is named. */
export const maxTenants = 1000;
/** Counters that are read for the names of types. */
export const maxTypeRows = 50_000;

/** A piece of text for LIKE with the escape character \. */
export function likeText(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`;
}
