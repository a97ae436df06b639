import type { Alert } from '../../domain/alert.ts';
import type { AlertLookups, AlertsChange } from '../alerting.ts';
import { type Cold, snapshot } from './methods.ts';
import { asJson, bytewise, isAnyOf, rowsFrom, table } from './pieces.ts';
import { sql } from './sql.ts';
import { changes, row, rows, stored, type Steps } from './steps.ts';

/** Takes the step from this version in the caller's transaction; false, with nothing written, if another node has taken one since. */
export function* takeAlertStep({ version, changed: alerts, forgotten }: AlertsChange): Steps<boolean> {
  // The node that raises the version has the step; another finds it raised.
  yield* changes(
    sql`INSERT INTO ${table('settings')} (name, value) VALUES ('alerts_version', '0') ON CONFLICT (name) DO NOTHING`,
  );
  const raised = yield* changes(
    sql`UPDATE ${table('settings')} SET value = ${String(version + 1)} WHERE name = 'alerts_version' AND value = ${String(version)}`,
  );
  if (raised === 0) return false;
  const given = rowsFrom('a', {
    id: { type: 'text', values: alerts.map(({ id }) => id) },
    document: { type: 'text', values: alerts.map((alert) => JSON.stringify(alert)) },
  });
  // Without a condition, SQLite would read ON as that of a join.
  yield* changes(
    sql`INSERT INTO ${table('alerts')} (id, document) SELECT a.id, ${asJson('a.document', 'json')} FROM ${given} WHERE true
      ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  );
  yield* changes(sql`DELETE FROM ${table('alerts')} WHERE ${isAnyOf('id', forgotten, 'text')}`);
  return true;
}

export const alertLookups: Cold<AlertLookups> = {
  alerts: snapshot(function* () {
    const version = yield* row(
      sql`SELECT CAST(value AS bigint) FROM ${table('settings')} WHERE name = 'alerts_version'`,
    );
    const found = yield* rows(sql`SELECT document FROM ${table('alerts')} ORDER BY ${bytewise('id')}`);
    const alerts: Alert[] = [];
    for (const [document] of found) alerts.push(yield* stored<Alert>(document, 'a stored alert'));
    return { version: (version?.[0] as number | undefined) ?? 0, alerts };
  }),
};
