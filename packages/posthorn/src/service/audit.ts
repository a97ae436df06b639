import { isDeepStrictEqual } from 'node:util';
import type { OperationId } from '../contract/table.ts';
import { type AuditEntry, canonicalJson, engineActor } from '../domain/audit-entry.ts';
import { type Endpoint, sealedFields } from '../domain/endpoint.ts';
import type { Call } from './handler.ts';

/** Who requests a change: what its entry in the audit log says about the call. */
export type By = Pick<Call, 'caller' | 'from' | 'requestId'>;

/** What an operation changes. */
export interface Change {
  readonly action: OperationId;
  readonly target: AuditEntry['target'];
  readonly tenant: string | null;
  /** As answers show it, so without secrets; null or undefined: it did not exist, or no longer exists. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Returns the audit log's entry about a change. A null call: Posthorn makes it by itself. */
export function auditEntry(
  by: By | null,
  at: number,
  { action, target, tenant, before = null, after = null }: Change,
): AuditEntry {
  const { kind, id, name } = by?.caller ?? engineActor;
  return {
    at,
    actor: { kind, id, name },
    action,
    target,
    tenant,
    before,
    after,
    from: by?.from ?? null,
    requestId: by?.requestId ?? null,
  };
}

/** The same as a list for a configuration change: empty if the target does not change. */
export function auditEntries(by: By | null, at: number, change: Change): readonly AuditEntry[] {
  const { before = null, after = null } = change;
  return canonicalJson(before) === canonicalJson(after) ? [] : [auditEntry(by, at, change)];
}

/** An endpoint as a contract document, as far as it is configured. */
type Shown = Readonly<Record<string, unknown>>;

/**
 * Both sides of a change of an endpoint. For write-only fields they only say that they were changed. The time of the
 * last update is not a change.
 */
export function endpointChange(
  before: Endpoint,
  after: Endpoint,
  shown: (endpoint: Endpoint) => Shown,
): { readonly before: unknown; readonly after: unknown } {
  const { updated_at: _, ...was } = shown(before);
  const { updated_at: __, ...is } = shown(after);
  const replaced = writeOnlyChanges(before, after).filter(
    (name) => was[name] === undefined || isDeepStrictEqual(was[name], is[name]),
  );
  return { before: was, after: replaced.length === 0 ? is : { ...is, write_only_changed: replaced } };
}

/** The fields that answers show without their secrets, and that have another value. */
function writeOnlyChanges(before: Endpoint, after: Endpoint): readonly string[] {
  const fields = sealedFields.filter((field) => !isDeepStrictEqual(before[field], after[field]));
  return fields.flatMap((field) => {
    if (field !== 'headers') return [wireNames[field] ?? field];
    const names = new Set([...Object.keys(before.headers), ...Object.keys(after.headers)]);
    return [...names]
      .filter((name) => before.headers[name] !== after.headers[name])
      .map((name) => `headers.${name}`);
  });
}

const wireNames: { readonly [Field in (typeof sealedFields)[number]]?: string } = {
  secrets: 'secret',
  signingKeys: 'signing_key',
};
