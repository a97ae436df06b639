import { damageOf } from './damage.ts';
import type { Database } from './database.ts';

const namedPages = 3;

/** Has SQLite read every page and compare every index with its table. */
export function checkPages(db: Database): void {
  const found = db.all(`PRAGMA integrity_check(${namedPages})`).map(([text]) => String(text));
  if (found.length === 1 && found[0] === 'ok') return;
  throw damageOf(db.path, found.join('; ').replaceAll(/\s+/g, ' '));
}
