import type { SQLInputValue } from 'node:sqlite';
import { matches } from '../common/filter.ts';
import type { DeliveryFilter, TenantFilter } from '../filters.ts';
import { written } from './common.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** A filter as SQL over `deliveries d JOIN events e`; every value is a parameter. */
export function filterSql(
  filter: DeliveryFilter,
  endpoints: EndpointTable,
  db: Database,
): { readonly where: string; readonly values: SQLInputValue[] } {
  const { endpointIds } = filter;
  const nums = endpointIds === undefined ? null : endpointNumbers(db, endpoints, endpointIds);
  const { text, values } = written(matches(filter, nums));
  return { where: text, values };
}

/** Endpoints that are there, or were. */
function endpointNumbers(db: Database, endpoints: EndpointTable, ids: readonly string[]): readonly number[] {
  return ids.flatMap(
    (id) =>
      endpoints.get(id)?.num ??
      (db.get('SELECT num FROM endpoints WHERE id = ?', id)?.[0] as number | undefined) ??
      [],
  );
}

/** `tenantValues` at these numbers of parameters, in a statement whose text does not change. */
export function tenantMatches(column: string, tenants: number, except: number): string {
  return `${inList(column, tenants)} AND (?${except} IS NULL OR ${column} <> ?${except})`;
}

export function tenantValues({ tenants, exceptTenant }: TenantFilter): [string | null, string | null] {
  return [listValue(tenants), exceptTenant ?? null];
}

/** `listValue` at this number of a parameter; null: whatever the value is. */
export function inList(column: string, at: number): string {
  return `(?${at} IS NULL OR ${column} IN (SELECT value FROM json_each(?${at})))`;
}

export function listValue(values: readonly string[] | null | undefined): string | null {
  return values === null || values === undefined ? null : JSON.stringify(values);
}
