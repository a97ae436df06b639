import type { AuditEntry } from '../../domain/audit-entry.ts';
import {
  type AuditHead,
  type AuditLogListings,
  type AuditLogWrites,
  auditRecord,
  type AuditRow,
  chained,
  missingHead,
  oldStamps,
  prunedHead,
} from '../audit-log.ts';
import { writeAutomaticMarkers } from './marker-rows.ts';
import { type Cold, separately, snapshot, transaction } from './methods.ts';
import { all, forUpdate, limit as limited, rowsFrom, table } from './pieces.ts';
import { raw, type Row, sql } from './sql.ts';
import { changes, row, rows, rowsUnprepared, session, type Steps } from './steps.ts';
import { refuseFormerTime } from './time.ts';

const columns = raw(
  'sequence, at, actor, action, target_kind, target, tenant, document, previous_hash, hash, seal',
);

/** `columns` */
function rowFrom(found: Row): AuditRow {
  return {
    sequence: found[0] as number,
    at: found[1] as number,
    actorId: found[2] as string,
    action: found[3] as string,
    targetKind: found[4] as string,
    targetId: found[5] as string,
    tenant: found[6] as string | null,
    document: found[7] as string,
    previousHash: found[8] as string,
    hash: found[9] as string,
    seal: found[10] as string | null,
  };
}

function* readHead(lock = raw('')): Steps<AuditHead | null> {
  const found = yield* row(
    sql`SELECT first_sequence, first_previous_hash, sequence, hash, sealed_from, seal FROM ${table('audit_head')} ${lock}`,
  );
  if (found === undefined) return null;
  return {
    firstSequence: found[0] as number,
    firstPreviousHash: found[1] as string,
    sequence: found[2] as number,
    hash: found[3] as string,
    sealedFrom: found[4] as number | null,
    seal: found[5] as string | null,
  };
}

/** Locks the head: from here to its commit a transaction is the only one that appends. */
function* lockHead(): Steps<AuditHead> {
  const head = yield* readHead(forUpdate());
  if (head === null) throw missingHead();
  return head;
}

function* writeHead(head: AuditHead): Steps<void> {
  yield* changes(
    sql`UPDATE ${table('audit_head')} SET first_sequence = ${head.firstSequence}, first_previous_hash = ${head.firstPreviousHash},
      sequence = ${head.sequence}, hash = ${head.hash}, sealed_from = ${head.sealedFrom}, seal = ${head.seal}`,
  );
}

/**
 * Appends the entries of a change, and puts the markers that they are worth. The caller holds its transaction (G4), and does this
 * last: the head stays locked until the commit, and a change that locks it locks nothing else after it, so no two changes wait for each other in a circle.
 */
export function* writeAudit(entries: readonly (AuditEntry | null)[]): Steps<void> {
  const made = entries.filter((entry) => entry !== null);
  if (made.length === 0) return;
  yield* writeAutomaticMarkers(made);
  const before = yield* lockHead();
  const { rows: appended, head } = chained(before, made, (yield* session()).auditKey);
  const texts = (read: (entry: AuditRow) => string | null) => ({
    type: 'text' as const,
    values: appended.map(read),
  });
  const given = rowsFrom('r', {
    sequence: { type: 'bigint', values: appended.map(({ sequence }) => sequence) },
    at: { type: 'bigint', values: appended.map(({ at }) => at) },
    actor: texts(({ actorId }) => actorId),
    action: texts(({ action }) => action),
    target_kind: texts(({ targetKind }) => targetKind),
    target: texts(({ targetId }) => targetId),
    tenant: texts(({ tenant }) => tenant),
    document: texts(({ document }) => document),
    previous_hash: texts(({ previousHash }) => previousHash),
    hash: texts(({ hash }) => hash),
    seal: texts(({ seal }) => seal),
  });
  yield* changes(sql`INSERT INTO ${table('audit_log')} (${columns}) SELECT ${columns} FROM ${given}`);
  yield* writeHead(head);
}

export const auditLogWrites: Cold<Omit<AuditLogWrites, 'sealAuditLog'>> = {
  appendAudit: transaction(writeAudit),

  pruneAuditLog: transaction(function* (ages, keepMs, limit) {
    const { from, before } = oldStamps(ages, keepMs);
    const old = sql`SELECT max(sequence) FROM ${table('audit_log')} WHERE at >= ${from} AND at < ${before}`;
    if ((yield* row(old))![0] === null) return 0;
    const head = yield* lockHead();
    const oldest = ((yield* row(old))![0] ?? 0) as number;
    const last = yield* row(
      sql`SELECT sequence, hash FROM ${table('audit_log')} WHERE sequence <= ${Math.min(oldest, head.firstSequence + limit - 1)}
        ORDER BY sequence DESC LIMIT 1`,
    );
    if (last === undefined) return 0;
    const [sequence, hash] = last as [number, string];
    const deleted = yield* changes(sql`DELETE FROM ${table('audit_log')} WHERE sequence <= ${sequence}`);
    yield* writeHead(prunedHead(head, { sequence, hash }, (yield* session()).auditKey));
    yield* refuseFormerTime(ages);
    return deleted;
  }),
};

export const auditLogListings: Cold<AuditLogListings> = {
  auditLog: separately(function* (filter, { after, limit, order = 'desc' }) {
    const is = (column: string, operator: string, value: string | number | null | undefined) =>
      value === undefined || value === null ? null : sql`${raw(`${column} ${operator}`)} ${value}`;
    const found = yield* rowsUnprepared(
      sql`SELECT ${columns} FROM ${table('audit_log')} WHERE ${all([
        is('sequence', order === 'asc' ? '>' : '<', after),
        is('tenant', '=', filter.tenant),
        is('actor', '=', filter.actorId),
        is('action', '=', filter.action),
        is('target_kind', '=', filter.targetKind),
        is('target', '=', filter.targetId),
        is('at', '>=', filter.since),
        is('at', '<', filter.until),
      ])} ORDER BY sequence ${raw(order)} ${limited(limit)}`,
    );
    return found.map((one) => auditRecord(rowFrom(one)));
  }),

  auditChain: snapshot(function* (after, limit) {
    const head = yield* readHead();
    const found = yield* rows(
      sql`SELECT ${columns} FROM ${table('audit_log')} WHERE sequence > ${after} ORDER BY sequence ${limited(limit)}`,
    );
    return { head, rows: found.map(rowFrom) };
  }),
};
