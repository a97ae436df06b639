import { type Contact, noContact } from '../domain/contact.ts';
import type { ErrorClass } from '../domain/attempt.ts';

// The part of the store port that keeps when attempts at an endpoint last succeeded and failed, in the endpoint's row.

export interface ContactChange {
  readonly endpointId: string;
  /** The URL that it was learned from; a change about a URL that the endpoint no longer has is dropped. */
  readonly url: string;
  readonly contact: Contact;
}

export interface ContactWrites {
  /** Adds what a node has seen to what the rows say (`mergedContact`). Does not wait for the disk: a crash may lose it. */
  saveContacts(changes: readonly ContactChange[]): Promise<void>;
}

/** In the order in which `contactOf` takes them. */
export const contactColumns = [
  'last_success_at',
  'last_failure_at',
  'failed_since',
  'failures_in_a_row',
  'last_error_class',
  'last_status_code',
] as const;

/** `contactColumns` from column `from` on; null if no attempt was recorded. */
export function contactOf(row: readonly unknown[], from: number): Contact | null {
  const lastSuccessAt = row[from] as number | null;
  const lastFailureAt = row[from + 1] as number | null;
  if (lastSuccessAt === null && lastFailureAt === null) return null;
  return {
    lastSuccessAt,
    lastFailureAt,
    failedSince: row[from + 2] as number | null,
    failuresInARow: row[from + 3] as number,
    lastErrorClass: row[from + 4] as ErrorClass | null,
    lastStatusCode: row[from + 5] as number | null,
  };
}

/** When the newest attempt of it ended. */
export function contactAt({ lastSuccessAt, lastFailureAt }: Contact): number {
  return Math.max(lastSuccessAt ?? 0, lastFailureAt ?? 0);
}

/** The same, as something to add to. */
export function storedContact(row: readonly unknown[], from: number): Contact {
  return contactOf(row, from) ?? noContact;
}

/** What was learned of a URL ends with it. */
export const contactForgotten =
  'last_success_at = NULL, last_failure_at = NULL, failed_since = NULL, failures_in_a_row = 0, last_error_class = NULL, last_status_code = NULL';
