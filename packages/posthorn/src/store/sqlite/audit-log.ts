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
import type { Database, Row } from './database.ts';
import { writeAutomaticMarkers } from './marker-rows.ts';

/** A migration. */
export const auditLogTables = `
  CREATE TABLE audit_log (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL,
    tenant TEXT,
    document TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    seal TEXT
  );
  CREATE INDEX audit_log_at ON audit_log (at);
  CREATE INDEX audit_log_actor ON audit_log (actor, sequence);
  CREATE INDEX audit_log_action ON audit_log (action, sequence);
  CREATE INDEX audit_log_target ON audit_log (target, target_kind, sequence);
  CREATE INDEX audit_log_tenant ON audit_log (tenant, sequence);
  -- One row: store/audit-log.ts says what it is for.
  CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    first_sequence INTEGER NOT NULL,
    first_previous_hash TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL,
    sealed_from INTEGER,
    seal TEXT
  );
  INSERT INTO audit_head VALUES (1, 1, '${firstHash}', 0, '${firstHash}', NULL, NULL);
`;

const columns =
  'sequence, at, actor, action, target_kind, target, tenant, document, previous_hash, hash, seal';

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

function readHead(db: Database): AuditHead | null {
  const row = db.get(
    'SELECT first_sequence, first_previous_hash, sequence, hash, sealed_from, seal FROM audit_head',
  );
  if (row === undefined) return null;
  return {
    firstSequence: row[0] as number,
    firstPreviousHash: row[1] as string,
    sequence: row[2] as number,
    hash: row[3] as string,
    sealedFrom: row[4] as number | null,
    seal: row[5] as string | null,
  };
}

function requireHead(db: Database): AuditHead {
  const head = readHead(db);
  if (head === null) throw missingHead();
  return head;
}

function writeHead(db: Database, head: AuditHead): void {
  db.run(
    'UPDATE audit_head SET first_sequence = ?, first_previous_hash = ?, sequence = ?, hash = ?, sealed_from = ?, seal = ?',
    head.firstSequence,
    head.firstPreviousHash,
    head.sequence,
    head.hash,
    head.sealedFrom,
    head.seal,
  );
}

/** Appends the entries of a change, and puts the markers that they are worth. The caller holds its transaction (G4), and does this last. */
export function writeAudit(db: Database, entries: readonly (AuditEntry | null)[]): void {
  const made = entries.filter((entry) => entry !== null);
  if (made.length === 0) return;
  writeAutomaticMarkers(db, made);
  const { rows, head } = chained(requireHead(db), made, db.auditKey);
  for (const row of rows)
    db.run(
      `INSERT INTO audit_log (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      row.sequence,
      row.at,
      row.actorId,
      row.action,
      row.targetKind,
      row.targetId,
      row.tenant,
      row.document,
      row.previousHash,
      row.hash,
      row.seal,
    );
  writeHead(db, head);
}

export function appendAudit(db: Database, entries: readonly AuditEntry[]): void {
  if (entries.length > 0) db.transaction(() => writeAudit(db, entries));
}

export function readAuditLog(
  db: Database,
  filter: AuditFilter,
  { after, limit, order = 'desc' }: ListPage<number>,
): AuditRecord[] {
  const conditions: readonly (readonly [string, string | number | null | undefined])[] = [
    [`sequence ${order === 'asc' ? '>' : '<'} ?`, after],
    ['tenant = ?', filter.tenant],
    ['actor = ?', filter.actorId],
    ['action = ?', filter.action],
    ['target_kind = ?', filter.targetKind],
    ['target = ?', filter.targetId],
    ['at >= ?', filter.since],
    ['at < ?', filter.until],
  ];
  const given = conditions.flatMap(([sql, value]) =>
    value === undefined || value === null ? [] : [{ sql, value }],
  );
  return db
    .all(
      `SELECT ${columns} FROM audit_log WHERE ${['true', ...given.map(({ sql }) => sql)].join(' AND ')}
       ORDER BY sequence ${order} LIMIT +?`,
      ...given.map(({ value }) => value),
      limit,
    )
    .map((row) => auditRecord(rowFrom(row)));
}

export function readAuditChain(db: Database, after: number, limit: number): AuditChainPage {
  return db.snapshot(() => ({
    head: readHead(db),
    rows: db
      .all(`SELECT ${columns} FROM audit_log WHERE sequence > ? ORDER BY sequence LIMIT +?`, after, limit)
      .map(rowFrom),
  }));
}

export function pruneAuditLog(db: Database, ages: Ages, keepMs: number, limit: number): number {
  const { from, before } = oldStamps(ages, keepMs);
  const old = (): number | null =>
    db.get('SELECT max(sequence) FROM audit_log WHERE at >= ? AND at < ?', from, before)![0] as number | null;
  if (old() === null) return 0;
  return db.transaction(() => {
    const head = requireHead(db);
    const until = Math.min(old() ?? 0, head.firstSequence + limit - 1);
    const last = db.get(
      'SELECT sequence, hash FROM audit_log WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1',
      until,
    );
    if (last === undefined) return 0;
    const [sequence, hash] = last as [number, string];
    const deleted = db.run('DELETE FROM audit_log WHERE sequence <= ?', sequence);
    writeHead(db, prunedHead(head, { sequence, hash }, db.auditKey));
    return deleted;
  });
}
