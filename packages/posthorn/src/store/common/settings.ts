import type { SettingLookups, SettingWrites } from '../settings.ts';
import { alone, type Cold, separately, transaction } from './methods.ts';
import { table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, rows, type Steps } from './steps.ts';

export function* readSetting(name: string): Steps<string | null> {
  const found = yield* row(sql`SELECT value FROM ${table('settings')} WHERE name = ${name}`);
  return (found?.[0] as string | undefined) ?? null;
}

export const settingWrites: Cold<Omit<SettingWrites, 'purgeFormerValues'>> = {
  saveSetting: alone(function* (name, value) {
    yield* changes(
      sql`INSERT INTO ${table('settings')} (name, value) VALUES (${name}, ${value})
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    );
  }),

  settleSetting: transaction(function* (name, value) {
    yield* changes(
      sql`INSERT INTO ${table('settings')} (name, value) VALUES (${name}, ${value}) ON CONFLICT (name) DO NOTHING`,
    );
    return (yield* readSetting(name)) ?? value;
  }),

  replaceSetting: alone(function* (name, from, to) {
    const changed = yield* changes(
      sql`UPDATE ${table('settings')} SET value = ${to} WHERE name = ${name} AND value = ${from}`,
    );
    return changed > 0;
  }),
};

export const settingLookups: Cold<SettingLookups> = {
  setting: separately(readSetting),

  sealedSettings: separately(function* () {
    const found = yield* rows(
      sql`SELECT name, value FROM ${table('settings')} WHERE value LIKE 'sealed:1:%' OR value LIKE 'plain:1:%' ORDER BY name`,
    );
    return found.map(([name, value]) => ({ name: name as string, value: value as string }));
  }),
};
