import type { ShownChannel } from './channel.ts';
import type { SloDocument } from './objective.ts';
import type { StoredTemplate } from './template.ts';
import type { TenantDocument } from './tenant.ts';

// What operators declare, as it is stored: in the words of the wire, so that it is answered as it was declared.

export interface TeamDocument {
  readonly description: string;
  /** Names of the channels that its alerts go to. */
  readonly channels: readonly string[];
}

export interface StoredChannel {
  /** Its public part; the rest is sealed in its endpoint. */
  readonly channel: ShownChannel;
  /** Tells whether another document is the same. */
  readonly fingerprint: string;
  /** The endpoint by which it is reached. */
  readonly endpointId: string;
}

export interface EventTypeDocument {
  readonly description: string;
  /** The producing team. */
  readonly owner: string | null;
  readonly template: string | null;
  /** JSON Schema of the data. */
  readonly schema?: Readonly<Record<string, unknown>> | undefined;
  /** Where in the data the value is: JSON Pointers; the currency may also be its code. */
  readonly value?: { readonly amount: string; readonly currency: string } | undefined;
  /** The caller's own; Posthorn does nothing with it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** The kinds of documents, and what a document of each kind is. */
export interface Documents {
  readonly team: TeamDocument;
  readonly tenant: TenantDocument;
  readonly channel: StoredChannel;
  readonly template: StoredTemplate;
  /** The highest version that a template of this name ever had, so that none is given twice. */
  readonly template_version: { readonly version: number };
  readonly event_type: EventTypeDocument;
  readonly slo: SloDocument;
}
export type DocumentKind = keyof Documents;

export interface StoredDocument<Kind extends DocumentKind> {
  readonly name: string;
  readonly document: Documents[Kind];
}

/** A document with its kind, as it is written. */
export type DeclaredDocument = {
  readonly [Kind in DocumentKind]: StoredDocument<Kind> & { readonly kind: Kind };
}[DocumentKind];
