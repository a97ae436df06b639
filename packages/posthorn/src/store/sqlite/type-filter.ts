import type { AccountingQuery } from '../accounting.ts';
import { typePatterns } from '../filters.ts';
import { listValue } from './filter.ts';

/** `typeValues` as two parameters from this number on. The column's name has a table before it: `json_each` has a `type` too. */
export const typeMatches = (column: string, at: number): string =>
  `(?${at} IS NULL OR ${column} IN (SELECT value FROM json_each(?${at})) OR (?${at + 1} <> '[]'
    AND EXISTS (SELECT 1 FROM json_each(?${at + 1}) x WHERE substr(${column}, 1, length(x.value)) = x.value)))`;

export function typeValues(
  eventTypes: AccountingQuery['eventTypes'],
): [types: string | null, prefixes: string | null] {
  const patterns = typePatterns(eventTypes);
  return [listValue(patterns?.types), listValue(patterns?.prefixes)];
}
