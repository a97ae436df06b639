import type { DeliveryFilter } from '../store.ts';
import { stateNumbers } from '../rows.ts';
import type { Value } from './database.ts';

/** A filter as SQL over `deliveries d`, `events e` and `endpoints p`; every value is a parameter, from `$first` on. */
export function filterSql(filter: DeliveryFilter, first = 1): { where: string; values: Value[] } {
  const parts = ['true'];
  const values: Value[] = [];
  const add = (sql: (parameter: string) => string, value: Value | undefined): void => {
    if (value === undefined) return;
    parts.push(sql(`$${first + values.length}`));
    values.push(value);
  };
  add((p) => `e.tenant = ${p}`, filter.tenant);
  add((p) => `p.id = ${p}`, filter.endpointId);
  add((p) => `e.id = ${p}`, filter.eventId);
  add((p) => `e.type = ${p}`, filter.eventType);
  // A state stands in the text, not as a parameter, so that its partial index can be used.
  if (filter.state !== undefined) parts.push(`d.state = ${stateNumbers[filter.state]}`);
  add((p) => `d.error_class = ${p}`, filter.errorClass);
  add((p) => `d.created_at >= ${p}`, filter.since);
  add((p) => `d.created_at < ${p}`, filter.until);
  return { where: parts.join(' AND '), values };
}
