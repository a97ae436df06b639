import { createHmac, hash } from 'node:crypto';
import {
  type AuditDocument,
  auditDocument,
  type AuditEntry,
  canonicalJson,
  engineActor,
} from '../domain/audit-entry.ts';
import type { Ages } from '../domain/clock-record.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { StoreFaultError } from '../domain/errors.ts';
import type { ListPage } from './filters.ts';
import type { Imported, RedriveRecord } from './operations.ts';

// The part of the port for the audit log, and what every adapter does in the same way about it.
//
// Entries are chained: the hash of each covers its document, its sequence and the hash of the one before, and the head says
// how many there are and what the last hash is. To edit, remove, reorder or insert an entry, one would have to compute
// every later hash and the head anew. With a key the hashes are also sealed (HMAC): then that takes the key.

export interface AuditFilter {
  readonly tenant?: string;
  /** The id of a key or session, `library` or `posthorn`. */
  readonly actorId?: string;
  readonly action?: string;
  readonly targetKind?: string;
  readonly targetId?: string;
  /** since ≤ at < until, ms since the epoch. */
  readonly since?: number;
  readonly until?: number;
}

/** An entry in its place. */
export interface AuditRecord extends ChainLink {
  readonly document: AuditDocument;
}

export interface ChainLink {
  /** 1 and up, without a gap. */
  readonly sequence: number;
  readonly previousHash: string;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
  /** HMAC-SHA-256 of the hash; null: without a key. */
  readonly seal: string | null;
}

/** Where the chain begins and ends. */
export interface AuditHead {
  /** The first entry that is kept, and what its previous hash is: retention takes what is before. */
  readonly firstSequence: number;
  readonly firstPreviousHash: string;
  /** The last entry; 0: there was none yet. */
  readonly sequence: number;
  readonly hash: string;
  /** From here on entries are sealed; null: none is. */
  readonly sealedFrom: number | null;
  /** HMAC-SHA-256 of all of this. */
  readonly seal: string | null;
}

/** A row as it is stored. */
export interface AuditRow extends ChainLink {
  readonly at: number;
  readonly actorId: string;
  readonly action: string;
  readonly targetKind: string;
  readonly targetId: string;
  readonly tenant: string | null;
  /** JSON. */
  readonly document: string;
}

/** Some entries and the head in one state of the store. */
export interface AuditChainPage {
  readonly head: AuditHead | null;
  readonly rows: readonly AuditRow[];
}

export interface AuditLogWrites {
  /** From here on this process seals what it appends. */
  sealAuditLog(key: Uint8Array): Promise<void>;
  /** Appends entries about what changes nothing in the store: a change appends its own in its transaction (G4). */
  appendAudit(entries: readonly AuditEntry[]): Promise<void>;
  /**
   * Deletes up to `limit` of the oldest entries that are older than `keepMs`; the head says where the chain begins then. A shared
   * store whose clock says another time by now rejects with `FormerTimeError`, and deletes nothing.
   */
  pruneAuditLog(ages: Ages, keepMs: number, limit: number): Promise<number>;
}

export interface AuditLogListings {
  /** Lists entries by sequence; by default the newest first. */
  auditLog(filter: AuditFilter, page: ListPage<number>): Promise<readonly AuditRecord[]>;
  /** Returns the next entries behind `after` as they are stored, with the head: to check the chain. */
  auditChain(after: number, limit: number): Promise<AuditChainPage>;
}

/** The last time that has a date. */
const maxTime = 8.64e15;

/** Before the first entry. */
export const firstHash = '0'.repeat(64);

/** What the hash covers, which is what answers show of an entry without its hash and seal. */
function hashOf(document: unknown, sequence: number, previousHash: string): string {
  return hash('sha256', canonicalJson({ ...Object(document), sequence, previous_hash: previousHash }));
}

export function sealOf(key: Uint8Array | null, text: string): string | null {
  return key === null ? null : createHmac('sha256', key).update(text).digest('hex');
}

/** The seal covers all of a head but itself. */
export function headSeal(key: Uint8Array | null, head: AuditHead): string | null {
  return sealOf(key, canonicalJson({ ...head, seal: null }));
}

/** The rows of these entries behind a head, and the head behind them. */
export function chained(
  head: AuditHead,
  entries: readonly AuditEntry[],
  key: Uint8Array | null,
): { readonly rows: readonly AuditRow[]; readonly head: AuditHead } {
  let { sequence, hash: last } = head;
  const rows = entries.map((entry): AuditRow => {
    const document = auditDocument(entry);
    const previousHash = last;
    sequence++;
    last = hashOf(document, sequence, previousHash);
    const { at, actor, action, target, tenant } = entry;
    return {
      sequence,
      at,
      actorId: actor.id,
      action,
      targetKind: target.kind,
      targetId: target.id,
      tenant,
      document: canonicalJson(document),
      previousHash,
      hash: last,
      seal: sealOf(key, last),
    };
  });
  const sealedFrom = key === null ? head.sealedFrom : (head.sealedFrom ?? head.sequence + 1);
  const next = { ...head, sequence, hash: last, sealedFrom };
  return { rows, head: { ...next, seal: headSeal(key, next) } };
}

/** The head after retention has taken everything up to this entry. */
export function prunedHead(
  head: AuditHead,
  last: { readonly sequence: number; readonly hash: string },
  key: Uint8Array | null,
): AuditHead {
  const next = { ...head, firstSequence: last.sequence + 1, firstPreviousHash: last.hash };
  return { ...next, seal: headSeal(key, next) };
}

/** The entry of a command, with what only its transaction knows. */
export function withChange(audit: AuditEntry | null, before: unknown, after: unknown): AuditEntry | null {
  return audit === null ? null : { ...audit, before, after };
}

/** The entry of a replay; null where it has created no delivery. */
export function replayEntry(
  audit: AuditEntry | null,
  endpointId: string | null,
  deliveries: number,
  suppressed: number,
): AuditEntry | null {
  if (deliveries === 0) return null;
  return withChange(audit, null, { endpoint_id: endpointId, deliveries, suppressed });
}

/** The entry of an import; null where everything was there. */
export function importEntry(audit: AuditEntry | null, { events, deliveries }: Imported): AuditEntry | null {
  return events === 0 ? null : withChange(audit, null, { events, deliveries });
}

/** The entry of a redrive that was recorded: what it is to do, and how many deliveries it has found. */
export function newRedriveEntry(
  audit: AuditEntry | null,
  { matched, state }: RedriveRecord,
): AuditEntry | null {
  return audit === null ? null : { ...audit, after: { ...Object(audit.after), matched, state } };
}

/** The entry of a redrive that was changed or stopped; null where it is as it was. */
export function redriveEntry(
  audit: AuditEntry | null,
  before: RedriveRecord,
  after: RedriveRecord,
): AuditEntry | null {
  const shown = ({ name, ratePerS, state }: RedriveRecord): Record<string, unknown> => ({
    name,
    rate_per_s: ratePerS,
    state,
  });
  const [was, is] = [shown(before), shown(after)];
  return canonicalJson(was) === canonicalJson(is) ? null : withChange(audit, was, is);
}

/** The entry of an endpoint that Posthorn pauses by itself, because its receiver answered 410. */
export function pauseEntry(before: Endpoint, after: Endpoint): AuditEntry {
  const shown = ({ url, enabled, pausedReason }: Endpoint): unknown => ({
    host: new URL(url).host,
    enabled,
    paused_reason: pausedReason,
  });
  return {
    at: after.updatedAt,
    actor: engineActor,
    action: 'endpoints.pause',
    target: { kind: 'endpoint', id: after.id },
    tenant: after.tenant,
    before: shown(before),
    after: shown(after),
    from: null,
    requestId: null,
  };
}

/** A change without its entry is refused. */
export function missingHead(): StoreFaultError {
  return new StoreFaultError(
    'missing',
    'the head of the audit log is missing, so the database was edited, and nothing can be changed without an entry in the audit log: restore a backup and start Posthorn again',
  );
}

/**
 * Stamps of entries that are older than they are kept: from ≤ t < before. What a clock that was behind has stamped is as young
 * as the correction. Entries are in the order in which they were made, so every one before such an entry is old enough too.
 */
export function oldStamps(
  { lived, disputed }: Ages,
  keepMs: number,
): { readonly from: number; readonly before: number } {
  const from = disputed.reduce(
    (after, { kind, until, livedMs }) =>
      kind === 'behind' && livedMs <= keepMs ? Math.max(after, until + 1) : after,
    0,
  );
  return { from, before: lived - keepMs };
}

/** The row for a list. Its text is what Posthorn has written, unless it was edited from outside: then its columns say the rest. */
export function auditRecord({ document: text, ...row }: AuditRow): AuditRecord {
  const { sequence, previousHash, hash: own, seal } = row;
  return { sequence, previousHash, hash: own, seal, document: parsed(text) ?? documentFrom(row) };
}

function parsed(text: string): AuditDocument | null {
  try {
    const value: unknown = JSON.parse(text);
    return isDocument(value) ? value : null;
  } catch {
    return null;
  }
}

function isDocument(value: unknown): value is AuditDocument {
  const { version, at, actor, action, target, tenant, from, request_id: requestId } = Object(value);
  const isText = (one: unknown): boolean => typeof one === 'string';
  const isTextOrNull = (one: unknown): boolean => one === null || isText(one);
  return (
    version === 1 &&
    [at, action, actor?.kind, actor?.id, actor?.name, target?.kind, target?.id].every(isText) &&
    [tenant, from, requestId].every(isTextOrNull)
  );
}

function documentFrom(row: Omit<AuditRow, 'document'>): AuditDocument {
  return {
    version: 1,
    at: Math.abs(row.at) <= maxTime ? new Date(row.at).toISOString() : '',
    actor: { kind: 'engine', id: row.actorId, name: '' },
    action: row.action,
    target: { kind: row.targetKind, id: row.targetId },
    tenant: row.tenant,
    before: null,
    after: null,
    from: null,
    request_id: null,
  };
}

/** Why a row is not what was appended, or null. */
export function rowProblem(row: AuditRow): string | null {
  const document = parsed(row.document);
  if (document === null) return 'is not an entry that Posthorn wrote';
  if (hashOf(JSON.parse(row.document), row.sequence, row.previousHash) !== row.hash)
    return 'does not match its hash';
  const shown = documentFrom(row);
  const isSame =
    shown.at === document.at &&
    shown.actor.id === document.actor.id &&
    shown.action === document.action &&
    shown.target.kind === document.target.kind &&
    shown.target.id === document.target.id &&
    shown.tenant === document.tenant;
  return isSame ? null : 'is listed under other values than it has';
}
