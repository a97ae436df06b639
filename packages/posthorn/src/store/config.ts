import type { AuditEntry } from '../domain/audit-entry.ts';
import type { DeclaredDocument, DocumentKind } from '../domain/documents.ts';
import { type Endpoint, sealedFields } from '../domain/endpoint.ts';
import { ConflictError } from '../domain/errors.ts';
import type { ListPage, TenantFilter } from './filters.ts';

// The part of the port for endpoints and for the documents that operators declare.

export type EndpointChange = Partial<Omit<Endpoint, 'id' | 'tenant' | 'createdAt'>> & {
  readonly updatedAt: number;
};

export interface EndpointQuery extends TenantFilter, ListPage<string> {
  readonly ids?: readonly string[];
}

/** Rejects with `ConflictError` (`name_taken`) if a change gives an endpoint a name that another one of its tenant has. */
export interface EndpointWrites {
  createEndpoint(endpoint: Endpoint): Promise<void>;
  /**
   * Changes an endpoint and returns it; null, with nothing written, if there is none. A new URL discards what was learned of
   * the old one: the breaker closes and the throttle is cleared in the same transaction.
   */
  updateEndpoint(id: string, change: EndpointChange): Promise<Endpoint | null>;
  /**
   * Pauses an endpoint whose receiver answered 410, if `url` is still the one it has; else returns null. Posthorn does it by
   * itself, and the audit log says so.
   */
  pauseGone(id: string, url: string, now: number): Promise<Endpoint | null>;
  /** Marks it deleted; its pending deliveries are cancelled in batches by `cancelOrphans`. False if there is none. */
  deleteEndpoint(id: string, now: number): Promise<boolean>;
}

export interface EndpointLookups {
  /** Null if there is none, or it is deleted. */
  endpoint(id: string): Promise<Endpoint | null>;
  /** Returns those not deleted that have any of these names in any of these tenants. */
  endpointsNamed(tenants: readonly string[], names: readonly string[]): Promise<readonly Endpoint[]>;
  /** Counts those of this tenant that are not deleted. */
  endpointCount(tenant: string): Promise<number>;
  /** Lists those not deleted, by id; by default the oldest first. */
  endpoints(query: EndpointQuery): Promise<readonly Endpoint[]>;
}

/** The sealed fields that are empty in a deleted endpoint's document; it lacks the others, for it only serves to count and list. */
export const emptiedSecrets = { secrets: [], signingKeys: [], headers: {} } as const;
export const removedSecrets: readonly string[] = sealedFields.filter((field) => !(field in emptiedSecrets));

export function nameTaken(tenant: string, name: string): ConflictError {
  return new ConflictError(
    'name_taken',
    `The tenant ${tenant} has an endpoint named ${name}: choose another name, or change that endpoint.`,
  );
}

/** What one change of endpoints and documents writes. */
export interface ConfigChange {
  /** From `configVersion`, read before anything that the change was computed from. */
  readonly version: number;
  readonly now: number;
  readonly createEndpoints?: readonly Endpoint[];
  readonly updateEndpoints?: readonly { readonly id: string; readonly change: EndpointChange }[];
  readonly deleteEndpoints?: readonly string[];
  readonly putDocuments?: readonly DeclaredDocument[];
  readonly deleteDocuments?: readonly { readonly kind: DocumentKind; readonly name: string }[];
  /** Entries of the audit log, in the same transaction. */
  readonly audit?: readonly AuditEntry[];
}

/** Read, decide and write without losing a change that was written in between. */
export interface ConfigWrites {
  /**
   * Writes everything or nothing (G4), and deletes before it creates; null, with nothing written, if any endpoint or document has
   * changed since `version`. Returns the endpoints that it created and updated, in this order.
   */
  changeConfig(change: ConfigChange): Promise<readonly Endpoint[] | null>;
}

export interface ConfigLookups {
  /** Goes up with every change of an endpoint or a document. */
  configVersion(): Promise<number>;
}
