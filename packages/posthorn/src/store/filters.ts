import type { ErrorClass } from '../domain/attempt.ts';
import type { DeliveryState } from '../domain/delivery.ts';

// What lists, sums and redrives are asked for. A list of values means any of them; an empty one matches nothing.

export interface TenantFilter {
  readonly tenants?: readonly string[];
  readonly exceptTenant?: string;
}

export interface DeliveryFilter extends TenantFilter {
  readonly endpointIds?: readonly string[];
  readonly eventIds?: readonly string[];
  readonly eventTypes?: readonly string[];
  /** Any of the keys that the event has. */
  readonly routingKeys?: readonly string[];
  readonly states?: readonly DeliveryState[];
  readonly errorClasses?: readonly ErrorClass[];
  /** In the last attempt's answer. */
  readonly statusCodes?: readonly number[];
  /** By its first digit; 0: the last attempt had no answer. */
  readonly statusClasses?: readonly number[];
  /** Bounds on when the delivery was created: since ≤ t < until. */
  readonly since?: number;
  readonly until?: number;
  /** Only pending deliveries that a dead letter of their key holds. */
  readonly blocked?: true;
}

/** A page of a list that a store reads in the order of its index. */
export interface ListPage<Key> {
  /** The key of the last item of the page before; null for the first page. */
  readonly after: Key | null;
  readonly limit: number;
  /** By key, which goes up with time. */
  readonly order?: Order;
}

export type Order = 'asc' | 'desc';

/** Types and beginnings of types: `payment.*` is the beginning `payment.`. Null: every type. */
export function typePatterns(
  patterns: readonly string[] | null,
): { readonly types: readonly string[]; readonly prefixes: readonly string[] } | null {
  if (patterns === null || patterns.includes('*')) return null;
  const isPrefix = (pattern: string): boolean => pattern.endsWith('.*');
  return {
    types: patterns.filter((pattern) => !isPrefix(pattern)),
    prefixes: patterns.filter(isPrefix).map((pattern) => pattern.slice(0, -1)),
  };
}
