import type { DeliverySearch } from '../search.ts';
import type { TenantFilter } from '../store.ts';
import { stateNumbers } from '../rows.ts';
import { blockedBySql, blocksKeysSql } from './blocking-sql.ts';
import type { Value } from './database.ts';

/** A filter as SQL over `deliveries d`, `events e` and `endpoints p`; every value is a parameter, from `$first` on. */
export function filterSql(filter: DeliverySearch, first = 1): { where: string; values: Value[] } {
  const parts = ['true'];
  const values: Value[] = [];
  const add = (sql: (parameter: string) => string, value: Value | undefined): void => {
    if (value === undefined) return;
    parts.push(sql(`$${first + values.length}`));
    values.push(value);
  };
  const addAny = (column: string, asked: readonly string[] | undefined): void => {
    if (asked?.length === 1) add((p) => `${column} = ${p}`, asked[0]);
    else add((p) => `${column} = ANY (${p}::text[])`, asked);
  };
  addAny('e.tenant', filter.tenants);
  add((p) => `e.tenant <> ${p}`, filter.exceptTenant);
  addAny('p.id', filter.endpointIds);
  addAny('e.id', filter.eventIds);
  addAny('e.type', filter.eventTypes);
  // States are part of the text, not parameters, so that their partial indexes can be used.
  if (filter.states !== undefined) {
    const numbers = filter.states.map((state) => stateNumbers[state]);
    parts.push(numbers.length === 0 ? 'false' : `d.state IN (${numbers.join(', ')})`);
  }
  addAny('d.error_class', filter.errorClasses);
  add((p) => `d.created_at >= ${p}`, filter.since);
  add((p) => `d.created_at < ${p}`, filter.until);
  add((p) => `d.status_code = ANY (${p}::int[])`, filter.statusCodes);
  addAny("p.document ->> 'owner'", filter.owners);
  addAny('d.redrive_id', filter.redriveIds);
  addAny('e.ordering_key', filter.orderingKeys);
  addAny('e.currency', filter.currencies);
  add((p) => `e.amount_minor >= ${p}::bigint`, filter.minValue);
  if (filter.late !== undefined) {
    const { is, now } = filter.late;
    const within = `(p.document ->> 'deliverWithinMs')::float8`;
    add(
      (p) =>
        `${is ? '' : 'NOT '}(d.state <= 1 AND coalesce(d.settled_at, ${p}::bigint) - d.created_at > ${within})`,
      now,
    );
  }
  // From the keys of the few endpoints that can hold any, not from all deliveries.
  if (filter.blocked)
    parts.push(
      'd.state = 0',
      'd.order_key IS NOT NULL',
      `d.endpoint IN (SELECT p.num FROM posthorn.endpoints p WHERE ${blocksKeysSql})`,
      `${blockedBySql} IS NOT NULL`,
    );
  return { where: parts.join(' AND '), values };
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
