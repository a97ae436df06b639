import { matches } from '../common/filter.ts';
import { all, givenAnyOf } from '../common/pieces.ts';
import type { DeliveryFilter, TenantFilter } from '../filters.ts';
import { written } from './common.ts';
import type { Value } from './database.ts';

/** A filter as SQL over `deliveries d`, `events e` and `endpoints p`; every value is a parameter, from `$first` on. */
export function filterSql(
  filter: DeliveryFilter,
  first: number,
): { readonly where: string; readonly values: readonly Value[] } {
  const { text, values } = written(
    all([givenAnyOf('p.id', filter.endpointIds), matches(filter, null)]),
    first,
  );
  return { where: text, values };
}

/** `tenantValues` at these numbers of parameters, in a statement whose text does not change. */
export function tenantMatches(column: string, tenants: number, except: number): string {
  return `${inList(column, tenants)} AND ($${except}::text IS NULL OR ${column} <> $${except})`;
}

export function tenantValues({
  tenants,
  exceptTenant,
}: TenantFilter): [readonly string[] | null, string | null] {
  return [tenants ?? null, exceptTenant ?? null];
}

/** A list at this number of a parameter; null: whatever the value is. */
export function inList(column: string, at: number): string {
  return `($${at}::text[] IS NULL OR ${column} = ANY ($${at}))`;
}
