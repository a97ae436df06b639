/** A time as people write it, in UTC unless it has a zone; null: it is none. */
export function timeFrom(text: string): string | null {
  const written = text.trim().replace(' ', 'T');
  const hasZone = /T.*(Z|[+-]\d\d:?\d\d)$/i.test(written);
  const ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(written) || hasZone ? written : `${written}Z`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
