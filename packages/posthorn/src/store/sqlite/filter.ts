import type { SQLInputValue } from 'node:sqlite';
import type { DeliveryFilter } from '../store.ts';
import { stateNumbers } from '../rows.ts';
import type { Database } from './database.ts';
import type { EndpointTable } from './endpoints.ts';

/** A filter as SQL over `deliveries d JOIN events e`; every value is a parameter. */
export function filterSql(
  filter: DeliveryFilter,
  endpoints: EndpointTable,
  db?: Database,
): { where: string; values: SQLInputValue[] } {
  const parts = ['1'];
  const values: SQLInputValue[] = [];
  const add = (sql: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    parts.push(sql);
    values.push(value);
  };
  add('e.tenant = ?', filter.tenant);
  if (filter.endpointId !== undefined) {
    const num =
      endpoints.get(filter.endpointId)?.num ??
      db?.get('SELECT num FROM endpoints WHERE id = ?', filter.endpointId)?.[0];
    add('d.endpoint = ?', num ?? -1);
  }
  add('e.id = ?', filter.eventId);
  add('e.type = ?', filter.eventType);
  // A state stands in the text, not as a parameter, so that its partial index can be used.
  if (filter.state !== undefined) parts.push(`d.state = ${stateNumbers[filter.state]}`);
  add('d.error_class = ?', filter.errorClass);
  add('d.created_at >= ?', filter.since);
  add('d.created_at < ?', filter.until);
  return { where: parts.join(' AND '), values };
}
