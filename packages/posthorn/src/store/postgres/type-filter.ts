import type { AccountingQuery } from '../accounting.ts';
import { typePatterns } from '../filters.ts';
import type { Connection } from './database.ts';

/** `typeValues` as two parameters from this number on. */
export const typeMatches = (column: string, at: number): string =>
  `($${at}::text[] IS NULL OR ${column} = ANY ($${at}) OR ${column} LIKE ANY ($${at + 1}::text[]))`;

export function typeValues(
  eventTypes: AccountingQuery['eventTypes'],
): [types: readonly string[] | null, prefixes: readonly string[] | null] {
  const patterns = typePatterns(eventTypes);
  if (patterns === null) return [null, null];
  return [patterns.types, patterns.prefixes.map((prefix) => `${prefix.replaceAll('_', '\\_')}%`)];
}

/** Counters stand in one place, or beside the rows of each shard where the tables are distributed. */
export const counted = ({ oneShard }: Connection): string =>
  oneShard ? 'l.shard BETWEEN 0 AND 63' : 'l.shard = 0';
