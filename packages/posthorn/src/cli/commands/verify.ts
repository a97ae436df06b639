import { Command } from 'commander';
import { StoreFaultError, StoreOpenError } from '../../domain/errors.ts';
import { deliveryId } from '../../domain/ids.ts';
import { type AuditCheck, type AuditCheckOptions, checkAuditLog } from '../../ledger/audit-check.ts';
import { maxFindings, reconcile, type Reconciliation } from '../../ledger/reconciler.ts';
import { printable } from '../../domain/printable.ts';
import { systemRandom } from '../../runtime/random.ts';
import { keyringToRead } from '../../secrets/open-keyring.ts';
import type { Store } from '../../store/store.ts';
import { CommandError, print, printJson, table } from '../output.ts';
import { openToRead, readWhole } from '../read-store.ts';

/** Checks a data directory, running or stopped: it only reads. */
export async function verifyDataDirectory(dataDir: string): Promise<Verification> {
  return await verify({ dataDir });
}

/** Checks a copy of the data of `original`, whose secret key seals the audit log of both. */
export async function verifyCopy(dataDir: string, original: string): Promise<Verification> {
  return await verify({
    dataDir,
    keysFrom: original,
    secretKey: process.env['POSTHORN_SECRET_KEY'] || undefined,
  });
}

/** What `verify` checks: the ledger and the audit log. */
export interface Verification extends Reconciliation {
  readonly audit: AuditCheck;
}

interface Verified {
  /** The default unless there is a URL. */
  readonly dataDir: string;
  /** The data directory that has the key file, if another. */
  readonly keysFrom?: string;
  readonly databaseUrl?: string | undefined;
  readonly secretKey?: string | undefined;
  readonly known?: AuditCheckOptions['known'];
}

async function verify({
  dataDir,
  keysFrom = dataDir,
  databaseUrl,
  secretKey,
  known = null,
}: Verified): Promise<Verification> {
  const isDirectory = databaseUrl === undefined;
  const store = await openToRead(isDirectory ? dataDir : undefined, databaseUrl);
  let keys: readonly Uint8Array[];
  try {
    keys = keyringToRead(isDirectory ? keysFrom : null, { secretKey }, systemRandom).auditKeys;
  } catch (error) {
    await store.close();
    throw error instanceof StoreOpenError ? new CommandError(error.message, 2) : error;
  }
  return await verifyStore(store, { keys, known });
}

/** An entry that the audit log had: `12:<hash>`, as Posthorn logs it. */
function knownEntryFrom(text: string | undefined): { sequence: number; hash: string } | null {
  if (text === undefined) return null;
  const [, sequence, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (sequence === undefined || hash === undefined)
    throw new CommandError(
      '--audit-head takes a sequence and a hash, such as 12:0f3a…: copy both from a line audit_log_head of the log',
      2,
    );
  return { sequence: Number(sequence), hash };
}

/** Reads every page, then every row. Damage is a finding like any other, as far as the rest can be read. */
async function verifyStore(opened: Store, auditing: AuditCheckOptions): Promise<Verification> {
  return await readWhole(opened, async (store) => {
    const damage = await store.read.checkFiles({ everyPage: true }).then(
      () => null,
      (error: unknown) => {
        if (error instanceof StoreFaultError) return error;
        throw error;
      },
    );
    const audit = (): Promise<AuditCheck> => checkAuditLog(store.read, auditing);
    if (damage === null)
      return { ...(await reconcile(store.read, { everyRow: true })), audit: await audit() };
    const found = { number: null, eventId: null, endpointId: null, problem: damage.message };
    const fail = (): never => {
      throw damage;
    };
    const readable = await reconcile(store.read, { everyRow: true }).catch(fail);
    const findings = [found, ...readable.findings];
    return { ...readable, balanced: false, findings, audit: await audit().catch(fail) };
  });
}

interface VerifyOptions {
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly auditHead?: string;
  readonly json?: boolean;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .option('--data-dir <path>', 'POSTHORN_DATA_DIR, default ./posthorn-data')
    .option('--database-url <url>', 'check a PostgreSQL database instead (POSTHORN_DATABASE_URL)')
    .option(
      '--audit-head <sequence:hash>',
      'check that the audit log still has this entry, from a line audit_log_head of the log',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  posthorn verify --data-dir ./posthorn-data')
    .action(async (options: VerifyOptions) => {
      if (options.dataDir !== undefined && options.databaseUrl !== undefined)
        throw new CommandError('give either --data-dir or --database-url, not both', 2);
      const dataDir = options.dataDir ?? process.env['POSTHORN_DATA_DIR'] ?? './posthorn-data';
      const databaseUrl =
        options.databaseUrl ??
        (options.dataDir === undefined ? process.env['POSTHORN_DATABASE_URL'] : undefined);
      const known = knownEntryFrom(options.auditHead);
      const secretKey = process.env['POSTHORN_SECRET_KEY'] || undefined;
      const found = await verify({ dataDir, databaseUrl, secretKey, known });
      if (options.json === true) printJson(verificationAnswer(found));
      else printVerification(found);
      if (!found.balanced || found.audit.findings.length > 0) process.exitCode = 1;
    });
}

function findingsFrom({ findings }: Verification) {
  return findings.map(({ number, eventId, endpointId, problem }) => ({
    delivery_id: number === null ? null : deliveryId(number),
    event_id: eventId,
    endpoint_id: endpointId,
    problem,
  }));
}

export function verificationAnswer(found: Verification): object {
  const { rows, fanOuts, unaccounted, findings, digests, balanced, audit } = found;
  return {
    balanced,
    unaccounted,
    fan_out_remaining: fanOuts.remaining,
    events_checked: digests?.events ?? 0,
    events_without_digest: digests?.without ?? 0,
    events_with_deleted_data: digests?.dataDeleted ?? 0,
    endpoints: rows.map(({ endpointId, unaccounted: rest, ...row }) => ({
      endpoint_id: endpointId,
      unaccounted: rest,
      ...row,
    })),
    findings: findingsFrom(found),
    // There may be more: the search stops at this many.
    findings_limited: findings.length >= maxFindings,
    audit_log: auditAnswer(audit),
  };
}

function ledgerTable(rows: Verification['rows']): string {
  return table(
    ['endpoint', 'accepted', '=', 'delivered', 'pending', 'dead', 'cancelled', 'suppressed', 'unaccounted'],
    rows.map((r) => [
      r.endpointId,
      r.accepted,
      '=',
      r.delivered,
      r.pending,
      r.dead,
      r.cancelled,
      r.suppressed,
      r.unaccounted,
    ]),
  );
}

export function printVerification(found: Verification): void {
  const { rows, fanOuts, unaccounted, findings, digests, balanced, audit } = found;
  print(ledgerTable(rows));
  for (const row of rows)
    for (const { state, by } of row.mismatches)
      print(`${row.endpointId}: ${Math.abs(by)} ${by > 0 ? 'more' : 'fewer'} ${state} than its counter says`);
  for (const f of findingsFrom(found)) {
    const ids = [f.delivery_id, f.event_id, f.endpoint_id].filter((id) => id !== null);
    print(printable(`FOUND ${ids.join(' ')}: ${f.problem}`));
  }
  if (fanOuts.remaining > 0)
    print(`${fanOuts.remaining} deliveries of accepted events have not been created yet (fan-out in steps).`);
  if (digests !== null && digests.without > 0)
    print(
      `${digests.without} of ${digests.events} events were accepted before Posthorn stored digests: their payloads cannot be checked.`,
    );
  if (digests !== null && digests.dataDeleted > 0)
    print(
      `The data of ${digests.dataDeleted} of ${digests.events} events were deleted: events.deleteData in the audit log says by whom.`,
    );
  for (const line of auditLines(audit)) print(line);
  const howMany =
    findings.length >= maxFindings
      ? `the first ${findings.length} findings; there may be more: verify again after repairing these`
      : `${findings.length} findings`;
  print(
    balanced ? 'Every delivery is accounted for.' : `NOT BALANCED: unaccounted ${unaccounted}, ${howMany}.`,
  );
}

function auditAnswer({ entries, head, unsealed, unchecked, findings }: AuditCheck): unknown {
  return {
    intact: findings.length === 0,
    entries,
    sequence: head?.sequence ?? null,
    hash: head?.hash ?? null,
    unsealed,
    unchecked_seals: unchecked,
    findings,
    findings_limited: findings.length >= maxFindings,
  };
}

function auditLines({ entries, head, findings, unsealed, unchecked }: AuditCheck): readonly string[] {
  if (findings.length > 0) {
    const more = findings.length >= maxFindings ? ' There may be more.' : '';
    return [
      ...findings.map(({ sequence, through, problem }) =>
        sequence === null
          ? `FOUND in the audit log: ${problem}`
          : sequence === through
            ? `FOUND in the audit log: entry ${sequence} ${problem}`
            : `FOUND in the audit log: entries ${sequence} to ${through}: each ${problem}`,
      ),
      `THE AUDIT LOG WAS CHANGED: ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}.${more}`,
    ];
  }
  if (entries === 0 && head?.sequence === 0) return ['The audit log is empty.'];
  return [
    `The audit log is intact: ${entries} ${entries === 1 ? 'entry' : 'entries'}, the last one is ${head!.sequence}:${head!.hash}.`,
    ...(unsealed === 0
      ? []
      : [
          `${unsealed} of them have no seal: anyone who can write to the database could have computed them again.`,
        ]),
    ...(unchecked === 0
      ? []
      : [`${unchecked} seals were not checked: set POSTHORN_SECRET_KEY, including previous keys.`]),
  ];
}
