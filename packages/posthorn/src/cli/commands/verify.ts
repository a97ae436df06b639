import { Command } from 'commander';
import { StoreFaultError } from '../../domain/errors.ts';
import { deliveryId } from '../../domain/ids.ts';
import { findingsMost, reconcile, type Reconciliation } from '../../ledger/reconciler.ts';
import { printable } from '../../report/printable.ts';
import type { Store } from '../../store/store.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { openToRead, readWhole } from '../read-store.ts';

/** Checks a data directory, running or stopped: it only reads. */
export async function verifyDataDirectory(dataDir: string): Promise<Reconciliation> {
  return await verifyStore(await openToRead(dataDir, undefined));
}

/** Every page, then every row. What is damaged is a finding like any other, as far as the rest can be read. */
async function verifyStore(opened: Store): Promise<Reconciliation> {
  return await readWhole(opened, async (store) => {
    const damage = await store.checkFiles({ everyPage: true }).then(
      () => null,
      (error: unknown) => {
        if (error instanceof StoreFaultError) return error;
        throw error;
      },
    );
    if (damage === null) return await reconcile(store, { everyRow: true });
    const found = { number: null, eventId: null, endpointId: null, problem: damage.message };
    const readable = await reconcile(store, { everyRow: true }).catch(() => {
      throw damage;
    });
    return { ...readable, balanced: false, findings: [found, ...readable.findings] };
  });
}

export function verifyCommand(): Command {
  return new Command('verify')
    .option('--data-dir <path>', 'POSTHORN_DATA_DIR, default ./posthorn-data')
    .option('--database-url <url>', 'check a PostgreSQL instead (POSTHORN_DATABASE_URL)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  posthorn verify --data-dir ./posthorn-data')
    .action(async (options: { dataDir?: string; databaseUrl?: string; json?: boolean }) => {
      if (options.dataDir !== undefined && options.databaseUrl !== undefined)
        throw new CommandError('give --data-dir or --database-url, and not both', 2);
      const dataDir = options.dataDir ?? process.env['POSTHORN_DATA_DIR'] ?? './posthorn-data';
      const databaseUrl =
        options.databaseUrl ??
        (options.dataDir === undefined ? process.env['POSTHORN_DATABASE_URL'] : undefined);
      const { rows, fanOuts, residue, findings, digests, balanced } =
        databaseUrl === undefined
          ? await verifyDataDirectory(dataDir)
          : await verifyStore(await openToRead(undefined, databaseUrl));
      const named = findings.map(({ number, eventId, endpointId, problem }) => ({
        delivery_id: number === null ? null : deliveryId(number),
        event_id: eventId,
        endpoint_id: endpointId,
        problem,
      }));
      const isLimited = findings.length >= findingsMost;
      if (options.json === true) {
        printJson({
          balanced,
          residue,
          fan_out_remaining: fanOuts.remaining,
          events_checked: digests?.events ?? 0,
          events_without_digest: digests?.without ?? 0,
          endpoints: rows.map(({ endpointId, residue: rest, ...row }) => ({
            endpoint_id: endpointId,
            residue: rest,
            ...row,
          })),
          findings: named,
          // There may be more: only so many are looked for.
          findings_limited: isLimited,
        });
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
            printable(
              `FOUND ${[f.delivery_id, f.event_id, f.endpoint_id].filter((id) => id !== null).join(' ')}: ${f.problem}`,
            ),
          );
        if (fanOuts.remaining > 0)
          print(
            `${fanOuts.remaining} deliveries of accepted events are still to be created (fan-out in steps).`,
          );
        if (digests !== null && digests.without > 0)
          print(
            `${digests.without} of ${digests.events} events were accepted before Posthorn kept digests: their payloads cannot be checked.`,
          );
        print(
          balanced
            ? 'Every delivery is accounted for.'
            : `NOT BALANCED: residue ${residue}, ${isLimited ? `the first ${findings.length} findings; verify again once these are repaired: there may be more` : `${findings.length} findings`}.`,
        );
      }
      if (!balanced) process.exitCode = 1;
    });
}
