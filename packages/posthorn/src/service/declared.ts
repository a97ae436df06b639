import type { OperationId } from '../contract/table.ts';
import type { DeclaredDocument, Documents, DocumentKind, StoredDocument } from '../domain/documents.ts';
import { type Fault, notFound, PosthornError } from '../domain/errors.ts';
import type { StoreRead } from '../store/store.ts';
import { auditEntries, type By } from './audit.ts';
import type { ServiceDependencies } from './dependencies.ts';

// What the documents that operators declare by name have in common.

/** What a kind of document is called in messages. */
const labels: { readonly [Kind in DocumentKind]: string } = {
  team: 'team',
  tenant: 'tenant',
  channel: 'channel',
  template: 'template',
  template_version: 'template version',
  event_type: 'event type',
  slo: 'objective',
};

type Declarations = Pick<StoreRead, 'document' | 'documents'>;

export async function documentBy<Kind extends DocumentKind>(
  store: Declarations,
  kind: Kind,
  name: string,
): Promise<Documents[Kind] | null> {
  return await store.document(kind, name);
}

/** The same; rejects with `not_found` if it is not declared. */
export async function requireDocument<Kind extends DocumentKind>(
  store: Declarations,
  kind: Kind,
  name: string,
): Promise<StoredDocument<Kind>> {
  const document = await documentBy(store, kind, name);
  if (document === null) throw missingDocument(kind);
  return { name, document };
}

export function missingDocument(kind: DocumentKind): PosthornError {
  return notFound(`${labels[kind]} by that name`);
}

export async function declaredNames(store: Declarations, kind: DocumentKind): Promise<ReadonlySet<string>> {
  return new Set((await store.documents(kind)).map(({ name }) => name));
}

/** A fault for each reference to a document that is not declared. */
export function unknownNames(
  known: ReadonlySet<string>,
  kind: DocumentKind,
  references: readonly { readonly path: string; readonly name: string | null }[],
): Fault[] {
  return references.flatMap(({ path, name }) =>
    name === null || known.has(name)
      ? []
      : [{ path, message: `does not exist: declare the ${labels[kind]} ${name} first` }],
  );
}

/** Throws `invalid_request` if there are any faults. */
export function refuseFaults(faults: readonly Fault[]): void {
  if (faults.length > 0)
    throw new PosthornError('invalid_request', `${faults[0]!.path} ${faults[0]!.message}`, faults);
}

/** A document to write. */
interface Declaration<Kind extends DocumentKind, Shown> {
  readonly kind: Kind;
  readonly name: string;
  readonly document: Documents[Kind];
  readonly by: By;
  readonly action: OperationId;
  /** Null or undefined: the document belongs to no tenant. */
  readonly tenant?: string | null;
  /** As answers show it. */
  readonly shown: (document: StoredDocument<Kind>) => Shown;
  /** Refuses a document that contradicts what is stored: part of the decision, so it may run several times. */
  readonly check: () => Promise<void>;
}

/** Writes the document, with its entry in the audit log, and returns it as answers show it. */
export async function putDocument<Kind extends DocumentKind, Shown>(
  { store, config, clock }: ServiceDependencies,
  { kind, name, document, by, action, tenant = null, shown, check }: Declaration<Kind, Shown>,
): Promise<Shown> {
  const after = shown({ name, document });
  await config.change(async () => {
    await check();
    const stored = await documentBy(store.read, kind, name);
    const before = stored === null ? null : shown({ name, document: stored });
    const now = clock.now();
    const audit = auditEntries(by, now, { action, target: { kind, id: name }, tenant, before, after });
    // This function's own type ties the kind to its document.
    const put = { kind, name, document } as DeclaredDocument;
    return { write: { now, putDocuments: [put], audit }, answer: null };
  });
  return after;
}

/** A document to delete. */
interface Deletion<Kind extends DocumentKind> {
  readonly kind: Kind;
  readonly name: string;
  readonly by: By;
  readonly action: OperationId;
  /** Null or undefined: the document belongs to no tenant. */
  readonly tenant?: string | null;
  /** As answers show it. */
  readonly shown: (document: StoredDocument<Kind>) => unknown;
  /** Returns what refers to it and must be changed first, or null. */
  readonly inUse?: () => Promise<string | null>;
}

export async function deleteDocument<Kind extends DocumentKind>(
  { store, config, clock }: ServiceDependencies,
  { kind, name, by, action, tenant = null, shown, inUse = async () => null }: Deletion<Kind>,
): Promise<void> {
  await config.change(async () => {
    const before = shown(await requireDocument(store.read, kind, name));
    const user = await inUse();
    if (user !== null) throw new PosthornError('in_use', user);
    const now = clock.now();
    const audit = auditEntries(by, now, { action, target: { kind, id: name }, tenant, before });
    return { write: { now, deleteDocuments: [{ kind, name }], audit }, answer: null };
  });
}
