import type { Alert } from '../domain/alert.ts';
import type { AuditEntry } from '../domain/audit-entry.ts';
import type { DocumentKind, Documents, StoredDocument } from '../domain/documents.ts';
import type { NewEvent } from '../domain/event.ts';

// The part of the port for alerts, and for the documents that operators declare.

/** One step of all alerts. */
export interface AlertsChange {
  /** The version that the step was worked out from. */
  readonly version: number;
  readonly changed: readonly Alert[];
  readonly forgotten: readonly string[];
  /** Events to be delivered to one endpoint each. */
  readonly notifications: readonly { readonly event: NewEvent; readonly endpointId: string }[];
  /** Entries of the audit log, for what an operator has asked for. */
  readonly audit?: readonly AuditEntry[];
  readonly now: number;
}

export interface AlertWrites {
  /**
   * Stores a step of the alerts with its notifications in one transaction: none is sent twice, and none is forgotten (G4). False,
   * with nothing stored, if another node has taken a step since that version.
   */
  saveAlerts(change: AlertsChange): Promise<boolean>;
}

export interface AlertLookups {
  alerts(): Promise<{ readonly version: number; readonly alerts: readonly Alert[] }>;
}

export interface DocumentWrites {
  /** Replaces the document of this kind and name. */
  putDocument<Kind extends DocumentKind>(kind: Kind, name: string, document: Documents[Kind]): Promise<void>;
  /** False if there is none. */
  deleteDocument(kind: DocumentKind, name: string): Promise<boolean>;
}

export interface DocumentLookups {
  /** Lists the documents of a kind by name. */
  documents<Kind extends DocumentKind>(kind: Kind): Promise<readonly StoredDocument<Kind>[]>;
  document<Kind extends DocumentKind>(kind: Kind, name: string): Promise<Documents[Kind] | null>;
}
