import { DatabaseSync } from 'node:sqlite';

/** Tables with their columns, and indexes, by name. */
function partsOf(db: DatabaseSync): Set<string> {
  const parts = new Set<string>();
  const rows = db
    .prepare(
      `SELECT m.type, m.name, p.name AS column_name FROM sqlite_schema m
       LEFT JOIN pragma_table_xinfo(m.name) p ON m.type = 'table' WHERE m.name NOT LIKE 'sqlite_%'`,
    )
    .all() as { type: string; name: string; column_name: string | null }[];
  for (const { type, name, column_name: column } of rows) {
    parts.add(`${type} ${name}`);
    if (column !== null) parts.add(`column ${name}.${column}`);
  }
  return parts;
}

/** What these migrations make and the database does not have; a missing table is named without its columns. */
export function missingParts(db: DatabaseSync, migrations: readonly string[]): string[] {
  const expected = new DatabaseSync(':memory:');
  try {
    for (const migration of migrations) expected.exec(migration);
    const there = partsOf(db);
    const missing = [...partsOf(expected)].filter((part) => !there.has(part));
    return missing.filter(
      (part) => !part.startsWith('column ') || !missing.includes(`table ${part.slice(7).split('.')[0]!}`),
    );
  } finally {
    expected.close();
  }
}
