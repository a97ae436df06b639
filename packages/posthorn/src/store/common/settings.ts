import { table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

export function* readSetting(name: string): Steps<string | null> {
  const found = yield* row(sql`SELECT value FROM ${table('settings')} WHERE name = ${name}`);
  return (found?.[0] as string | undefined) ?? null;
}

export function* writeSetting(name: string, value: string): Steps<void> {
  yield* changes(
    sql`INSERT INTO ${table('settings')} (name, value) VALUES (${name}, ${value})
      ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  );
}

/** Of two nodes at once, one wins, and both return what is stored then. */
export function* settleSetting(name: string, value: string): Steps<string> {
  yield* changes(
    sql`INSERT INTO ${table('settings')} (name, value) VALUES (${name}, ${value}) ON CONFLICT (name) DO NOTHING`,
  );
  return (yield* readSetting(name)) ?? value;
}

export function* readSealedSettings(): Steps<{ readonly name: string; readonly value: string }[]> {
  const found = yield* rows(
    sql`SELECT name, value FROM ${table('settings')} WHERE value LIKE 'sealed:1:%' OR value LIKE 'plain:1:%' ORDER BY name`,
  );
  return found.map(([name, value]) => ({ name: name as string, value: value as string }));
}

export function* replaceSetting(name: string, from: string, to: string): Steps<boolean> {
  return (
    (yield* changes(
      sql`UPDATE ${table('settings')} SET value = ${to} WHERE name = ${name} AND value = ${from}`,
    )) > 0
  );
}
