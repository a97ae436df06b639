import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { UnavailableError } from '../../domain/errors.ts';
import { deliveryId } from '../../domain/ids.ts';
import { reconcile, type Reconciliation } from '../../ledger/reconciler.ts';
import { openPostgresStore } from '../../store/postgres/open.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import { CommandError, print, table } from '../output.ts';

/** Checks a data directory, running or stopped: it only reads. */
export async function verifyDataDirectory(dataDir: string): Promise<Reconciliation> {
  if (!existsSync(join(dataDir, 'posthorn.db')))
    throw new CommandError(`there is no Posthorn data in ${dataDir}; give --data-dir`, 2);
  const store = await openSqliteStore({ dataDir, readOnly: true });
  try {
    return await reconcile(store, { everyRow: true });
  } finally {
    await store.close();
  }
}

/** Checks a database shared by nodes, while they run or not: it only reads. */
async function verifyDatabase(databaseUrl: string): Promise<Reconciliation> {
  const { store } = await openPostgresStore(databaseUrl, { readOnly: true }).catch((error: Error) => {
    throw new CommandError(error.message, error instanceof UnavailableError ? 1 : 2);
  });
  try {
    return await reconcile(store, { everyRow: true });
  } finally {
    await store.close();
  }
}

export function verifyCommand(): Command {
  return new Command('verify')
    .option('--data-dir <path>', 'POSTHORN_DATA_DIR, default ./posthorn-data')
    .option('--database-url <url>', 'check a PostgreSQL instead (POSTHORN_DATABASE_URL)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  posthorn verify --data-dir ./posthorn-data')
    .action(async (options: { dataDir?: string; databaseUrl?: string; json?: boolean }) => {
      const dataDir = options.dataDir ?? process.env['POSTHORN_DATA_DIR'] ?? './posthorn-data';
      const databaseUrl =
        options.databaseUrl ??
        (options.dataDir === undefined ? process.env['POSTHORN_DATABASE_URL'] : undefined);
      const { rows, residue, findings, digests, balanced } =
        databaseUrl === undefined ? await verifyDataDirectory(dataDir) : await verifyDatabase(databaseUrl);
      const named = findings.map(({ number, eventId, endpointId, problem }) => ({
        delivery_id: number === null ? null : deliveryId(number),
        event_id: eventId,
        endpoint_id: endpointId,
        problem,
      }));
      if (options.json === true) {
        print(
          JSON.stringify({
            balanced,
            residue,
            events_checked: digests?.events ?? 0,
            events_without_digest: digests?.without ?? 0,
            endpoints: rows.map(({ endpointId, residue: rest, ...row }) => ({
              endpoint_id: endpointId,
              residue: rest,
              ...row,
            })),
            findings: named,
          }),
        );
      } else {
        print(
          table(
            [
              'endpoint',
              'accepted',
              '=',
              'delivered',
              'pending',
              'dead',
              'cancelled',
              'suppressed',
              'residue',
            ],
            rows.map((r) => [
              r.endpointId,
              r.accepted,
              '=',
              r.delivered,
              r.pending,
              r.dead,
              r.cancelled,
              r.suppressed,
              r.residue,
            ]),
          ),
        );
        for (const row of rows) {
          for (const { state, by } of row.mismatches) {
            print(
              `${row.endpointId}: ${Math.abs(by)} ${by > 0 ? 'more' : 'fewer'} ${state} than its counter says`,
            );
          }
        }
        for (const f of named)
          print(
            `FOUND ${[f.delivery_id, f.event_id, f.endpoint_id].filter((id) => id !== null).join(' ')}: ${f.problem}`,
          );
        if (digests !== null && digests.without > 0)
          print(
            `${digests.without} of ${digests.events} events were accepted before Posthorn kept digests: their payloads cannot be checked.`,
          );
        print(
          balanced
            ? 'Every delivery is accounted for.'
            : `NOT BALANCED: residue ${residue}, ${findings.length} findings.`,
        );
      }
      if (!balanced) process.exitCode = 1;
    });
}
