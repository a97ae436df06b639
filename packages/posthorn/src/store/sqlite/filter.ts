import type { SQLInputValue } from 'node:sqlite';
import type { DeliverySearch } from '../search.ts';
import type { TenantFilter } from '../store.ts';
import { stateNumbers } from '../rows.ts';
import { blockedBySql, blocksKeysSql } from './blocking-sql.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** SQL and a parameter for any of these values. However many they are, the text is one of two: texts are kept prepared. */
function anyOf(column: string, values: readonly (string | number)[]): { sql: string; value: SQLInputValue } {
  const [first] = values;
  return values.length === 1
    ? { sql: `${column} = ?`, value: first! }
    : { sql: `${column} IN (SELECT value FROM json_each(?))`, value: JSON.stringify(values) };
}

/** A filter as SQL over `deliveries d JOIN events e`; every value is a parameter. */
export function filterSql(
  filter: DeliverySearch,
  endpoints: EndpointTable,
  db: Database,
): { where: string; values: SQLInputValue[] } {
  const parts = ['1'];
  const values: SQLInputValue[] = [];
  const add = (sql: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    parts.push(sql);
    values.push(value);
  };
  const addAny = (column: string, asked: readonly (string | number)[] | undefined): void => {
    if (asked === undefined) return;
    const { sql, value } = anyOf(column, asked);
    add(sql, value);
  };
  addAny('e.tenant', filter.tenants);
  add('e.tenant <> ?', filter.exceptTenant);
  addAny('d.endpoint', filter.endpointIds && endpointNumbers(db, endpoints, filter.endpointIds));
  addAny('e.id', filter.eventIds);
  addAny('e.type', filter.eventTypes);
  if (filter.states !== undefined) {
    parts.push(statesSql(filter.states));
    // The condition of the index of ended deliveries, which has those of one endpoint and state in their order.
    const [state, another] = filter.states;
    const isEnded = another === undefined && state !== undefined && stateNumbers[state] >= 2;
    if (isEnded && filter.endpointIds?.length === 1) parts.push('d.state >= 2');
  }
  addAny('d.error_class', filter.errorClasses);
  add('d.created_at >= ?', filter.since);
  add('d.created_at < ?', filter.until);
  addAny('d.status_code', filter.statusCodes);
  if (filter.owners !== undefined)
    add(
      `d.endpoint IN (SELECT num FROM endpoints WHERE json_extract(document, '$.owner') IN (SELECT value FROM json_each(?)))`,
      JSON.stringify(filter.owners),
    );
  addAny('d.redrive_id', filter.redriveIds);
  addAny('e.ordering_key', filter.orderingKeys);
  addAny('e.currency', filter.currencies);
  add('e.amount_minor >= ?', filter.minValue);
  if (filter.late !== undefined) {
    const { is, now } = filter.late;
    const within = `json_extract(document, '$.deliverWithinMs')`;
    const tookMs = 'coalesce(d.settled_at, ?) - d.created_at';
    // Nearly all are faster than every deadline: the document of the endpoint is looked into for the others alone.
    parts.push(
      `${is ? '' : 'NOT '}(d.state <= 1 AND ${tookMs} > (SELECT min(${within}) FROM endpoints)
         AND ${tookMs} > (SELECT ${within} FROM endpoints w WHERE w.num = d.endpoint))`,
    );
    values.push(now, now);
  }
  // From the keys of the few endpoints that can hold any, not from all deliveries.
  if (filter.blocked)
    parts.push(
      'd.state = 0',
      'd.order_key IS NOT NULL',
      `d.endpoint IN (SELECT p.num FROM endpoints p WHERE ${blocksKeysSql})`,
      `${blockedBySql} IS NOT NULL`,
    );
  return { where: parts.join(' AND '), values };
}

/** Endpoints that are there, or were. */
export function endpointNumbers(
  db: Database,
  endpoints: EndpointTable,
  ids: readonly string[],
): readonly number[] {
  return ids.flatMap(
    (id) =>
      endpoints.get(id)?.num ??
      (db.get('SELECT num FROM endpoints WHERE id = ?', id)?.[0] as number | undefined) ??
      [],
  );
}

/** States are part of the text, not parameters, so that their partial indexes can be used. */
function statesSql(states: NonNullable<DeliverySearch['states']>): string {
  const numbers = [...new Set(states.map((state) => stateNumbers[state]))].toSorted((a, b) => a - b);
  return numbers.length === 1 ? `d.state = ${numbers[0]}` : `d.state IN (${numbers.join(', ')})`;
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
