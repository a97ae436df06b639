import type { AuditEntry } from '../../domain/audit-entry.ts';
import type { Ages } from '../../domain/clock-record.ts';
import {
  type AuditChainPage,
  type AuditFilter,
  type AuditHead,
  auditRecord,
  type AuditRecord,
  type AuditRow,
  chained,
  firstHash,
  missingHead,
  oldStamps,
  prunedHead,
} from '../audit-log.ts';
import type { ListPage } from '../filters.ts';
import type { Connection, Database, Row } from './database.ts';
import { writeAutomaticMarkers } from './marker-rows.ts';
import { refuseFormerTime } from './time.ts';

/** A migration. The document is text, because its hash is that of the text. */
export const auditLogTables = `
  CREATE TABLE posthorn.audit_log (
    sequence bigint PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target_kind text NOT NULL,
    target text NOT NULL,
    tenant text,
    document text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    seal text
  );
  CREATE INDEX audit_log_at ON posthorn.audit_log (at);
  CREATE INDEX audit_log_actor ON posthorn.audit_log (actor, sequence);
  CREATE INDEX audit_log_action ON posthorn.audit_log (action, sequence);
  CREATE INDEX audit_log_target ON posthorn.audit_log (target, target_kind, sequence);
  CREATE INDEX audit_log_tenant ON posthorn.audit_log (tenant, sequence);
  -- One row: store/audit-log.ts says what it is for. Its lock makes appenders take turns.
  CREATE TABLE posthorn.audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    first_sequence bigint NOT NULL,
    first_previous_hash text NOT NULL,
    sequence bigint NOT NULL,
    hash text NOT NULL,
    sealed_from bigint,
    seal text
  );
  INSERT INTO posthorn.audit_head VALUES (true, 1, '${firstHash}', 0, '${firstHash}', NULL, NULL);
`;

const columns =
  'sequence, at, actor, action, target_kind, target, tenant, document, previous_hash, hash, seal';
const headColumns = 'first_sequence, first_previous_hash, sequence, hash, sealed_from, seal';

function rowFrom(row: Row): AuditRow {
  return {
    sequence: row[0] as number,
    at: row[1] as number,
    actorId: row[2] as string,
    action: row[3] as string,
    targetKind: row[4] as string,
    targetId: row[5] as string,
    tenant: row[6] as string | null,
    document: row[7] as string,
    previousHash: row[8] as string,
    hash: row[9] as string,
    seal: row[10] as string | null,
  };
}

function headFrom(row: Row): AuditHead {
  return {
    firstSequence: row[0] as number,
    firstPreviousHash: row[1] as string,
    sequence: row[2] as number,
    hash: row[3] as string,
    sealedFrom: row[4] as number | null,
    seal: row[5] as string | null,
  };
}

/** Locks the head: from here to its commit a transaction is the only one that appends. */
async function lockHead(connection: Connection): Promise<AuditHead> {
  const [row] = await connection.query(
    'audit_head_lock',
    `SELECT ${headColumns} FROM posthorn.audit_head FOR UPDATE`,
  );
  if (row === undefined) throw missingHead();
  return headFrom(row);
}

async function writeHead(connection: Connection, head: AuditHead): Promise<void> {
  await connection.query(
    'audit_head_write',
    `UPDATE posthorn.audit_head SET first_sequence = $1, first_previous_hash = $2, sequence = $3, hash = $4, sealed_from = $5, seal = $6`,
    [head.firstSequence, head.firstPreviousHash, head.sequence, head.hash, head.sealedFrom, head.seal],
  );
}

/**
 * Appends the entries of a change, and puts the markers that they are worth. The caller holds its transaction (G4), and does this
 * last: the head stays locked until the commit, and whoever locks it locks nothing else after it, so no two changes wait for each other in a circle.
 */
export async function writeAudit(
  connection: Connection,
  entries: readonly (AuditEntry | null)[],
): Promise<void> {
  const made = entries.filter((entry) => entry !== null);
  if (made.length === 0) return;
  await writeAutomaticMarkers(connection, made);
  const { rows, head } = chained(await lockHead(connection), made, connection.auditKey);
  await connection.query(
    'audit_append',
    `INSERT INTO posthorn.audit_log (${columns}) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[],
       $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])`,
    [
      rows.map(({ sequence }) => sequence),
      rows.map(({ at }) => at),
      rows.map(({ actorId }) => actorId),
      rows.map(({ action }) => action),
      rows.map(({ targetKind }) => targetKind),
      rows.map(({ targetId }) => targetId),
      rows.map(({ tenant }) => tenant),
      rows.map(({ document }) => document),
      rows.map(({ previousHash }) => previousHash),
      rows.map(({ hash }) => hash),
      rows.map(({ seal }) => seal),
    ],
  );
  await writeHead(connection, head);
}

export async function appendAudit(db: Database, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length > 0) await db.transaction((connection) => writeAudit(connection, entries));
}

export async function readAuditLog(
  db: Database,
  { tenant, actorId, action, targetKind, targetId, since, until }: AuditFilter,
  { after, limit, order = 'desc' }: ListPage<number>,
): Promise<AuditRecord[]> {
  const conditions: readonly (readonly [string, string, string | number | null | undefined])[] = [
    ['sequence', order === 'asc' ? '>' : '<', after],
    ['tenant', '=', tenant],
    ['actor', '=', actorId],
    ['action', '=', action],
    ['target_kind', '=', targetKind],
    ['target', '=', targetId],
    ['at', '>=', since],
    ['at', '<', until],
  ];
  const given = conditions.flatMap(([column, operator, value]) =>
    value === undefined || value === null ? [] : [{ column, operator, value }],
  );
  const where = given.map(({ column, operator }, at) => `${column} ${operator} $${at + 2}`);
  const rows = await db.query(
    // Not prepared: each set of conditions has a plan of its own.
    '',
    `SELECT ${columns} FROM posthorn.audit_log WHERE ${['true', ...where].join(' AND ')} ORDER BY sequence ${order} LIMIT $1`,
    [limit, ...given.map(({ value }) => value)],
  );
  return rows.map((row) => auditRecord(rowFrom(row)));
}

export async function readAuditChain(db: Database, after: number, limit: number): Promise<AuditChainPage> {
  return await db.snapshot(async (connection) => {
    const [head] = await connection.query('audit_head', `SELECT ${headColumns} FROM posthorn.audit_head`);
    const rows = await connection.query(
      'audit_chain',
      `SELECT ${columns} FROM posthorn.audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
      [after, limit],
    );
    return { head: head === undefined ? null : headFrom(head), rows: rows.map(rowFrom) };
  });
}

export async function pruneAuditLog(
  db: Database,
  ages: Ages,
  keepMs: number,
  limit: number,
): Promise<number> {
  const { from, before } = oldStamps(ages, keepMs);
  const old = async (connection: Connection): Promise<number | null> => {
    const [row] = await connection.query(
      'audit_old',
      'SELECT max(sequence) FROM posthorn.audit_log WHERE at >= $1 AND at < $2',
      [from, before],
    );
    return row![0] as number | null;
  };
  if ((await old(db)) === null) return 0;
  return await db.transaction(async (connection) => {
    const head = await lockHead(connection);
    const until = Math.min((await old(connection)) ?? 0, head.firstSequence + limit - 1);
    const [last] = await connection.query(
      'audit_prune_last',
      'SELECT sequence, hash FROM posthorn.audit_log WHERE sequence <= $1 ORDER BY sequence DESC LIMIT 1',
      [until],
    );
    if (last === undefined) return 0;
    const [sequence, hash] = last as [number, string];
    const deleted = await connection.query(
      'audit_prune',
      'DELETE FROM posthorn.audit_log WHERE sequence <= $1 RETURNING 1',
      [sequence],
    );
    await writeHead(connection, prunedHead(head, { sequence, hash }, connection.auditKey));
    await refuseFormerTime(connection, ages);
    return deleted.length;
  });
}
