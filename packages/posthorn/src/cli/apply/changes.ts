import type { Client } from '@posthorn/client';

/** A declared field that differs on the server: it has drifted, or the file was changed. */
export interface FieldChange {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** One line of the output of `apply`. */
export interface Change<Kind extends string = string> {
  readonly kind: Kind;
  readonly name: string;
  readonly action: 'create' | 'change' | 'delete' | 'keep';
  readonly document: unknown;
  /** For an endpoint that is changed. */
  readonly fields?: readonly FieldChange[];
}

/** What a call of `apply` needs of the server. */
export type Server = Pick<Client, 'request'>;

const maxShownLength = 60;

function shownValue(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength - 1)}…`;
}

/** `timeout_ms 15000 -> 5000`; for write-only fields only that they change. */
export function fieldText({ field, before, after }: FieldChange): string {
  return before === null && after === null
    ? `${field} (write-only)`
    : `${field} ${shownValue(before)} -> ${shownValue(after)}`;
}
