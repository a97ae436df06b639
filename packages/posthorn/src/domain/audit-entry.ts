import type { Caller } from './caller.ts';

/** Who did it; `engine`: Posthorn by itself. */
export interface AuditActor extends Pick<Caller, 'id' | 'name'> {
  readonly kind: Caller['kind'] | 'engine';
}

/** Who has changed what, from where: one line of the audit log (G9). It never holds a secret or a payload. */
export interface AuditEntry {
  /** ms since the epoch. */
  readonly at: number;
  readonly actor: AuditActor;
  /** The operation's id, such as `endpoints.update`, or what else was done. */
  readonly action: string;
  readonly target: { readonly kind: string; readonly id: string };
  /** The tenant that it belongs to; null: it belongs to none. */
  readonly tenant: string | null;
  /** The target as answers show it; null: it was not there, or is not any more. Where only a part matters, that part. */
  readonly before: unknown;
  readonly after: unknown;
  /** The address that the request came from; null: from this machine's own process. */
  readonly from: string | null;
  readonly requestId: string | null;
}

/** What Posthorn does by itself. */
export const engineActor: AuditActor = { kind: 'engine', id: 'posthorn', name: 'Posthorn' };

/** An entry as it is stored, answered and hashed: all of it is the same document. */
export interface AuditDocument extends Pick<
  AuditEntry,
  'actor' | 'action' | 'target' | 'tenant' | 'before' | 'after' | 'from'
> {
  /** Version of this form: what is hashed depends on it. */
  readonly version: 1;
  readonly at: string;
  readonly request_id: string | null;
}

/** Characters of JSON that `before` and `after` may each have; what is longer is cut, and says so. */
const maxAuditedLength = 16_384;

/** The entry's document. `before` and `after` are cut where they are too long. */
export function auditDocument({ at, requestId, before, after, ...entry }: AuditEntry): AuditDocument {
  return {
    version: 1,
    at: new Date(at).toISOString(),
    ...entry,
    before: bounded(before),
    after: bounded(after),
    request_id: requestId,
  };
}

/** A document of at most `maxAuditedLength`: of a longer one the longest fields are replaced by how long they were. */
function bounded(value: unknown): unknown {
  const text = JSON.stringify(value ?? null);
  const document: unknown = JSON.parse(text);
  if (text.length <= maxAuditedLength) return document;
  if (!isObject(document)) return cut(text);
  const lengths = new Map(
    Object.entries(document).map(([key, field]) => [key, JSON.stringify(field).length]),
  );
  let left = text.length;
  const kept = { ...document };
  for (const [key, length] of [...lengths].toSorted(([, a], [, b]) => b - a)) {
    if (left <= maxAuditedLength) break;
    kept[key] = cut(JSON.stringify(document[key]));
    left += JSON.stringify(kept[key]).length - length;
  }
  return left <= maxAuditedLength ? kept : cut(text);
}

function cut(text: string): unknown {
  return { cut_characters: text.length };
}

/**
 * JSON with sorted keys and no spaces (RFC 8785): the same value gives the same text, from any writer and in any order
 * its fields were stored.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${fields.join(',')}}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
